// The answers of "The Galois/Counter Mode of Operation" (McGrew, Viega), test cases 13, 14, 16.
#include "proto/crypto/aes_gcm.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "proto/errc.hpp"

namespace kp2p::proto {
namespace {

struct Answer {
    const char *key, *nonce, *additional, *text, *frame;
};
const Answer answers[] = {{"0000000000000000000000000000000000000000000000000000000000000000",
                           "000000000000000000000000", "", "", "530f8afbc74536b9a963b4f1c4cb738b"},
                          {"0000000000000000000000000000000000000000000000000000000000000000",
                           "000000000000000000000000", "", "00000000000000000000000000000000",
                           "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919"},
                          {"feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
                           "cafebabefacedbaddecaf888", "feedfacedeadbeeffeedfacedeadbeefabaddad2",
                           "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
                           "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
                           "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
                           "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
                           "76fc6ece0f4e1768cddf8853bb2d551b"}};

AesGcm::Nonce nonce_of(const Answer& answer) {
    AesGcm::Nonce nonce{};
    const ByteVector bytes = *from_hex(answer.nonce);
    std::copy(bytes.begin(), bytes.end(), nonce.begin());
    return nonce;
}

// Each that this processor and this build have.
std::vector<std::unique_ptr<AesGcm>> ciphers(const CipherKey& key) {
    std::vector<std::unique_ptr<AesGcm>> all;
    all.push_back(aes_gcm_openssl(key));
    if (auto wide = aes_gcm_ipsec_mb(key)) all.push_back(std::move(wide));
    return all;
}

TEST_CASE("AES-GCM gives the published answers, however the text is cut") {
    for (const Answer& answer : answers) {
        CAPTURE(answer.frame);
        const ByteVector text = *from_hex(answer.text), additional = *from_hex(answer.additional);
        for (const auto& cipher : ciphers(*CipherKey::from_hex(answer.key))) {
            for (std::size_t cut = 0; cut <= text.size(); ++cut) {
                const std::array<ByteView, 2> parts{ByteView(text).first(cut),
                                                    ByteView(text).subspan(cut)};
                ByteVector frame(text.size() + AesGcm::tag_bytes);
                cipher->seal(nonce_of(answer), additional, parts, frame);
                CHECK(to_hex(frame) == answer.frame);
            }
        }
    }
}

TEST_CASE("AES-GCM opens what is whole, and nothing else") {
    for (const Answer& answer : answers) {
        CAPTURE(answer.frame);
        const ByteVector frame = *from_hex(answer.frame), additional = *from_hex(answer.additional);
        for (const auto& cipher : ciphers(*CipherKey::from_hex(answer.key))) {
            const auto open = [&](ByteVector bytes, ByteVector with) {
                const std::size_t size = bytes.size() - std::min(bytes.size(), AesGcm::tag_bytes);
                ByteVector apart(size);
                const auto opened = cipher->open(nonce_of(answer), with, bytes, apart);
                const std::span<std::uint8_t> in_place = std::span(bytes).first(size);
                CHECK(cipher->open(nonce_of(answer), with, bytes, in_place).error() ==
                      opened.error());
                if (!opened) return opened.error().message();
                CHECK(to_hex(in_place) == to_hex(apart));
                return to_hex(apart);
            };
            const std::string forged = make_error_code(Errc::bad_decryption).message();
            CHECK(open(frame, additional) == answer.text);
            for (std::size_t i = 0; i < frame.size(); ++i) {
                ByteVector changed = frame;
                changed[i] ^= 1;
                CHECK(open(changed, additional) == forged);
            }
            CHECK(open(frame, {1, 2, 3}) == forged);
            for (std::size_t size = AesGcm::tag_bytes; size < frame.size(); ++size)
                CHECK(open({frame.begin(), frame.begin() + static_cast<std::ptrdiff_t>(size)},
                           additional) == forged);
            CHECK(open(ByteVector(15), additional) == make_error_code(Errc::truncated).message());
            CHECK(open(frame, additional) == answer.text);
        }
    }
}

// Under one key after another, as a connection has them, and in pieces as it sends them.
TEST_CASE("the implementations of AES-GCM understand each other") {
    const auto all = ciphers(CipherKey());
    for (std::size_t size : {1u, 15u, 16u, 17u, 255u, 256u, 257u, 4095u, 65536u + 3u, 1u << 20}) {
        CAPTURE(size);
        CipherKey key;
        key.mutable_view()[0] = static_cast<std::uint8_t>(size);
        const ByteVector text(size, static_cast<std::uint8_t>(size / 3)), additional{1, 2, 3};
        const AesGcm::Nonce nonce{5, static_cast<std::uint8_t>(size)};
        const std::array<ByteView, 3> parts{ByteView(text).first(size / 3), ByteView(),
                                            ByteView(text).subspan(size / 3)};
        std::vector<ByteVector> frames;
        for (const auto& cipher : all) {
            cipher->set_key(key);
            cipher->seal(nonce, additional, parts, frames.emplace_back(size + AesGcm::tag_bytes));
            CHECK((frames.back() == frames.front()));
        }
        for (const auto& cipher : all) {
            ByteVector opened(size);
            REQUIRE(cipher->open(nonce, additional, frames.front(), opened));
            CHECK((opened == text));
        }
    }
}

}  // namespace
}  // namespace kp2p::proto
