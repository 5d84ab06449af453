#include "proto/record/secret_cipher.hpp"

#include <openssl/evp.h>
#include <sodium.h>

#include <algorithm>
#include <cassert>
#include <cstring>
#include <stdexcept>

namespace kp2p::proto {
namespace {

constexpr std::size_t chacha_block_bytes = 64;  // of ChaCha20
constexpr std::size_t step_bytes = 16 * 1024;   // stays in the nearest cache from pass to pass
constexpr std::size_t counter_bytes = 4;
constexpr std::size_t inner_nonce_bytes = 8;
constexpr std::uint8_t tag_message = crypto_secretstream_xchacha20poly1305_TAG_MESSAGE;
constexpr std::uint8_t tag_rekey = crypto_secretstream_xchacha20poly1305_TAG_REKEY;

void check(int succeeded) {
    if (succeeded != 1) throw std::runtime_error("OpenSSL cannot do ChaCha20 or Poly1305");
}

EVP_MAC_CTX* new_poly1305() {
    static EVP_MAC* const poly1305 = EVP_MAC_fetch(nullptr, "POLY1305", nullptr);
    return EVP_MAC_CTX_new(poly1305);
}

void crypt(EVP_CIPHER_CTX* cipher, ByteView from, std::uint8_t* to) {
    int written = 0;
    check(EVP_EncryptUpdate(cipher, to, &written, from.data(), static_cast<int>(from.size())));
}

}  // namespace

struct SecretCipher::Secrets {
    // As EVP_chacha20() wants it: the number of the first block, and the nonce: a counter and what
    // depends on everything before.
    std::array<std::uint8_t, 4 + counter_bytes + inner_nonce_bytes> iv{};
    std::array<std::uint8_t, crypto_stream_chacha20_ietf_KEYBYTES> key{};

    ~Secrets() { sodium_memzero(this, sizeof *this); }
    std::uint8_t* counter() { return iv.data() + 4; }
    std::uint8_t* inner_nonce() { return counter() + counter_bytes; }
    void reset_counter() {
        std::fill_n(counter(), counter_bytes, std::uint8_t{0});
        counter()[0] = 1;
    }
};

void SecretCipher::FreeCipher::operator()(EVP_CIPHER_CTX* context) const {
    EVP_CIPHER_CTX_free(context);
}
void SecretCipher::FreeMac::operator()(EVP_MAC_CTX* context) const { EVP_MAC_CTX_free(context); }

SecretCipher::SecretCipher(const CipherKey& key, const StreamHeader& header)
    : secrets_(std::make_unique<Secrets>()), cipher_(EVP_CIPHER_CTX_new()), mac_(new_poly1305()) {
    check(cipher_ && mac_);
    crypto_core_hchacha20(secrets_->key.data(), header.data(), key.data(), nullptr);
    std::copy_n(header.data() + crypto_core_hchacha20_INPUTBYTES, inner_nonce_bytes,
                secrets_->inner_nonce());
    secrets_->reset_counter();
    check(EVP_EncryptInit_ex(cipher_.get(), EVP_chacha20(), nullptr, secrets_->key.data(),
                             secrets_->iv.data()));
}

SecretCipher::~SecretCipher() = default;
SecretCipher::SecretCipher(SecretCipher&&) noexcept = default;
SecretCipher& SecretCipher::operator=(SecretCipher&&) noexcept = default;

// The first block of the key stream keys the MAC; the second, with the tag as its first byte, is
// authenticated whole, though but that byte is sent.
std::uint8_t SecretCipher::start_frame(std::uint8_t tag, Tag is) {
    std::array<std::uint8_t, 2 * chacha_block_bytes> blocks{};
    check(EVP_EncryptInit_ex(cipher_.get(), nullptr, nullptr, nullptr, secrets_->iv.data()));
    crypt(cipher_.get(), blocks, blocks.data());
    check(EVP_MAC_init(mac_.get(), blocks.data(), crypto_onetimeauth_KEYBYTES, nullptr));
    std::uint8_t& first = blocks[chacha_block_bytes];
    const std::uint8_t other = first ^ tag;
    first = is == Tag::plain ? other : tag;
    absorb(ByteView(blocks).last(chacha_block_bytes));
    sodium_memzero(blocks.data(), chacha_block_bytes);
    return other;
}

void SecretCipher::absorb(ByteView bytes) {
    check(EVP_MAC_update(mac_.get(), bytes.data(), bytes.size()));
}

SecretCipher::Mac SecretCipher::finish_frame(std::size_t text_bytes) {
    // libsodium pads by this, not to a whole block.
    const std::size_t padding = text_bytes % 16;
    std::array<std::uint8_t, 15 + 16> tail{};
    const std::uint64_t covered_bytes = chacha_block_bytes + text_bytes;
    std::uint8_t* length = tail.data() + padding + 8;  // behind that of additional data: none
    for (std::size_t i = 0; i < 8; ++i)
        length[i] = static_cast<std::uint8_t>(covered_bytes >> 8 * i);
    absorb(ByteView(tail).first(padding + 16));
    Mac mac;
    std::size_t size = 0;
    check(EVP_MAC_final(mac_.get(), mac.data(), &size, mac.size()));
    return mac;
}

void SecretCipher::next_nonce(const Mac& mac, std::uint8_t tag) {
    for (std::size_t i = 0; i < inner_nonce_bytes; ++i) secrets_->inner_nonce()[i] ^= mac[i];
    sodium_increment(secrets_->counter(), counter_bytes);
    if ((tag & tag_rekey) || sodium_is_zero(secrets_->counter(), counter_bytes)) rekey();
}

void SecretCipher::rekey() {
    Secrets next;
    constexpr std::size_t key_bytes = sizeof next.key;
    std::array<std::uint8_t, key_bytes + inner_nonce_bytes> mix;
    std::copy_n(secrets_->key.data(), key_bytes, mix.data());
    std::copy_n(secrets_->inner_nonce(), inner_nonce_bytes, mix.data() + key_bytes);
    check(EVP_EncryptInit_ex(cipher_.get(), nullptr, nullptr, nullptr, secrets_->iv.data()));
    crypt(cipher_.get(), mix, mix.data());
    std::copy_n(mix.data(), key_bytes, secrets_->key.data());
    std::copy_n(mix.data() + key_bytes, inner_nonce_bytes, secrets_->inner_nonce());
    sodium_memzero(mix.data(), mix.size());
    secrets_->reset_counter();
    check(EVP_EncryptInit_ex(cipher_.get(), nullptr, nullptr, secrets_->key.data(),
                             secrets_->iv.data()));
}

void SecretCipher::seal(std::span<const ByteView> parts, std::span<std::uint8_t> frame) {
    frame[0] = start_frame(tag_message, Tag::plain);
    std::uint8_t* to = frame.data() + 1;
    for (ByteView part : parts) {
        while (!part.empty()) {
            const ByteView step = part.first(std::min(part.size(), step_bytes));
            crypt(cipher_.get(), step, to);
            absorb({to, step.size()});
            to += step.size();
            part = part.subspan(step.size());
        }
    }
    assert(to + sizeof(Mac) == frame.data() + frame.size());
    const Mac mac = finish_frame(frame.size() - overhead_bytes);
    std::copy(mac.begin(), mac.end(), to);
    next_nonce(mac, tag_message);
}

Result<std::span<std::uint8_t>> SecretCipher::open(std::span<std::uint8_t> frame) {
    if (frame.size() < overhead_bytes) return Errc::truncated;
    const std::span<std::uint8_t> text = frame.subspan(1, frame.size() - overhead_bytes);
    const std::uint8_t tag = start_frame(frame[0], Tag::encrypted);
    absorb(text);
    const Mac mac = finish_frame(text.size());
    if (sodium_memcmp(mac.data(), frame.data() + 1 + text.size(), mac.size()) != 0)
        return Errc::bad_decryption;
    crypt(cipher_.get(), text, text.data());
    next_nonce(mac, tag);
    return text;
}

}  // namespace kp2p::proto
