#include "proto/record/gcm_stream.hpp"

#include <sodium.h>

#include <algorithm>
#include <cassert>

#include "proto/crypto/hash.hpp"
#include "proto/errc.hpp"

namespace kp2p::proto {
namespace {

constexpr std::size_t gcm_length_bytes = 3;
// Before the other side has shown that it has the keys nothing but an empty record is due.
constexpr std::size_t first_record_bytes = AesGcm::tag_bytes;
// From here on a message is worth memory of its own.
constexpr std::size_t long_message_bytes = 4096;

}  // namespace

GcmKeys::~GcmKeys() { sodium_memzero(key_.data(), CipherKey::size_bytes); }

AesGcm::Nonce GcmKeys::nonce() const {
    AesGcm::Nonce nonce{};
    for (std::size_t i = 0; i < 8; ++i) nonce[4 + i] = static_cast<std::uint8_t>(record_ >> 8 * i);
    return nonce;
}

bool GcmKeys::advance() {
    if (++record_ % epoch_records != 0) return false;
    key_ = CipherKey(keyed_blake2b_256(key_.view(), as_bytes("kp2p tcp next key")).view());
    return true;
}

void GcmSealer::seal(std::span<const ByteView> parts, BulkBytes& out) {
    std::size_t size = AesGcm::tag_bytes;
    for (ByteView part : parts) size += part.size();
    assert(size <= max_gcm_frame_bytes);
    const std::size_t at = out.size();
    out.resize(at + gcm_length_bytes + size);
    const std::span<std::uint8_t> record = std::span(out).subspan(at);
    for (std::size_t i = 0; i < gcm_length_bytes; ++i)
        record[i] = static_cast<std::uint8_t>(size >> 8 * i);
    cipher_->seal(keys_.nonce(), record.first(gcm_length_bytes), parts,
                  record.subspan(gcm_length_bytes));
    if (keys_.advance()) cipher_->set_key(keys_.key());
}

Result<std::optional<ByteView>> GcmOpener::next_record() {
    if (failed_) return Errc::bad_state;
    const std::span<std::uint8_t> bytes = buffer_.bytes();
    if (bytes.size() < gcm_length_bytes) return std::optional<ByteView>();
    const std::size_t length = bytes[0] | std::size_t{bytes[1]} << 8 | std::size_t{bytes[2]} << 16;
    failed_ = length > (opened_ ? max_frame_bytes_ : first_record_bytes);
    if (failed_) return Errc::too_long;
    if (bytes.size() < gcm_length_bytes + length) return std::optional<ByteView>();
    const auto frame = bytes.subspan(gcm_length_bytes, length);
    const std::size_t text_bytes = length - std::min(length, AesGcm::tag_bytes);
    std::span<std::uint8_t> text = frame.first(text_bytes);
    long_ = nullptr;
    if (text_bytes >= long_message_bytes) {
        long_ = std::make_shared<BulkBytes>(text_bytes);
        text = *long_;
    }
    const auto opened = cipher_->open(keys_.nonce(), bytes.first(gcm_length_bytes), frame, text);
    failed_ = !opened;
    if (failed_) return opened.error();
    buffer_.take(gcm_length_bytes + length);
    if (keys_.advance()) cipher_->set_key(keys_.key());
    return std::optional<ByteView>(text);
}

Result<bool> GcmOpener::opened() {
    if (opened_) return true;
    const auto record = next_record();
    if (!record) return record.error();
    opened_ = record->has_value();
    return opened_;
}

Result<std::optional<ByteView>> GcmOpener::next() {
    auto ready = opened();
    if (!ready) return ready.error();
    while (*ready) {
        auto record = next_record();
        if (!record || !*record || !(*record)->empty()) return record;
    }
    return std::optional<ByteView>();
}

Records gcm_stream(const NoiseKeys& keys) {
    return {.sealer = std::make_unique<GcmSealer>(keys),
            .opener = std::make_unique<GcmOpener>(keys),
            .keepalive = gcm_keepalive,
            .max_silence = gcm_max_silence};
}

}  // namespace kp2p::proto
