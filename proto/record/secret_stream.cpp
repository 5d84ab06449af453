#include "proto/record/secret_stream.hpp"

#include <sodium.h>

#include <cassert>
#include <cstring>

namespace kp2p::proto {
namespace {

constexpr std::size_t length_bytes = 3;
constexpr std::size_t header_bytes = Hash32::size_bytes + StreamHeader::size_bytes;
static_assert(length_bytes + SecretCipher::overhead_bytes == secret_overhead_bytes);

void put_length(std::size_t length, std::uint8_t* to) {
    to[0] = static_cast<std::uint8_t>(length);
    to[1] = static_cast<std::uint8_t>(length >> 8);
    to[2] = static_cast<std::uint8_t>(length >> 16);
}

std::size_t get_length(const std::uint8_t* from) {
    return from[0] | std::size_t{from[1]} << 8 | std::size_t{from[2]} << 16;
}

}  // namespace

Hash32 secret_stream_id(const HandshakeHash& hash, Role sender) {
    static const Hash32 initiator = hash_namespace("hyperswarm/secret-stream", 0);
    static const Hash32 responder = hash_namespace("hyperswarm/secret-stream", 1);
    return keyed_blake2b_256(hash.view(),
                             (sender == Role::initiator ? initiator : responder).view());
}

SecretSealer::SecretSealer(const NoiseKeys& keys, const StreamHeader& header)
    : stream_id_(secret_stream_id(keys.hash, keys.role)),
      header_(header),
      cipher_(keys.tx, header) {}

void SecretSealer::begin(BulkBytes& out) {
    const std::size_t at = out.size();
    out.resize(at + length_bytes + header_bytes);
    std::uint8_t* to = out.data() + at;
    put_length(header_bytes, to);
    std::memcpy(to + length_bytes, stream_id_.data(), Hash32::size_bytes);
    std::memcpy(to + length_bytes + Hash32::size_bytes, header_.data(), StreamHeader::size_bytes);
}

void SecretSealer::seal(std::span<const ByteView> parts, BulkBytes& out) {
    std::size_t size = 0;
    for (ByteView part : parts) size += part.size();
    assert(size <= max_secret_message_bytes);
    const std::size_t at = out.size();
    out.resize(at + secret_overhead_bytes + size);
    put_length(size + SecretCipher::overhead_bytes, out.data() + at);
    cipher_.seal(parts, std::span(out).subspan(at + length_bytes));
}

SecretOpener::SecretOpener(const NoiseKeys& keys)
    : key_(keys.rx),
      remote_stream_id_(secret_stream_id(
          keys.hash, keys.role == Role::initiator ? Role::responder : Role::initiator)) {}

Result<void> SecretOpener::open(ByteView header) {
    if (header.size() != header_bytes) return Errc::bad_value;
    if (sodium_memcmp(header.data(), remote_stream_id_.data(), Hash32::size_bytes) != 0)
        return Errc::bad_decryption;
    cipher_.emplace(key_, StreamHeader(header.last<StreamHeader::size_bytes>()));
    return ok;
}

Result<std::optional<std::span<std::uint8_t>>> SecretOpener::next_frame() {
    std::optional<std::span<std::uint8_t>> frame;
    const std::span<std::uint8_t> bytes = buffer_.bytes();
    if (bytes.size() < length_bytes) return frame;
    const std::size_t length = get_length(bytes.data());
    if (length > (cipher_ ? max_frame_bytes_ : header_bytes)) return Errc::too_long;
    if (bytes.size() < length_bytes + length) return frame;
    frame = bytes.subspan(length_bytes, length);
    buffer_.take(length_bytes + length);
    return frame;
}

Result<bool> SecretOpener::opened() {
    if (cipher_) return true;
    auto header = next_frame();
    if (!header) return header.error();
    if (!*header) return false;
    if (auto opened = open(**header); !opened) return opened.error();
    return true;
}

Result<std::optional<ByteView>> SecretOpener::next() {
    auto ready = opened();
    if (!ready) return ready.error();
    while (*ready) {
        auto frame = next_frame();
        if (!frame) return frame.error();
        if (!*frame) break;
        auto text = cipher_->open(**frame);
        if (!text) return text.error();
        if (!text->empty()) return std::optional<ByteView>(ByteView(*text));
    }
    return std::optional<ByteView>();
}

Records secret_stream(const NoiseKeys& keys, const StreamHeader& header) {
    return {.sealer = std::make_unique<SecretSealer>(keys, header),
            .opener = std::make_unique<SecretOpener>(keys),
            .keepalive = secret_keepalive};
}

}  // namespace kp2p::proto
