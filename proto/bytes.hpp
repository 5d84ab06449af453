// Fixed-length identifiers. Each that crosses a wire is a type of its own; none converts to
// another.
#pragma once

#include <algorithm>
#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <new>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proto/errc.hpp"
#include "proto/result.hpp"

namespace kp2p {

using ByteView = std::span<const std::uint8_t>;
using ByteVector = std::vector<std::uint8_t>;

// Leaves what a resize() adds as it is. For bulk buffers that are filled next: zeros written first
// cost as much as the bytes themselves.
template <class T>
struct LeaveUnset : std::allocator<T> {
    template <class Other>
    struct rebind {
        using other = LeaveUnset<Other>;
    };
    template <class Element>
    void construct(Element* at) noexcept {
        ::new (static_cast<void*>(at)) Element;
    }
    template <class Element, class... Values>
    void construct(Element* at, Values&&... values) {
        ::new (static_cast<void*>(at)) Element(std::forward<Values>(values)...);
    }
};
using BulkBytes = std::vector<std::uint8_t, LeaveUnset<std::uint8_t>>;

// Lower-case hexadecimal. from_hex accepts both cases; anything else is proto::Errc::bad_text.
std::string to_hex(ByteView bytes);
Result<ByteVector> from_hex(std::string_view text);

inline ByteView as_bytes(std::string_view text) {
    return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
inline std::string_view as_text(ByteView bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

template <class Tag, std::size_t N>
class Bytes {  // N raw bytes that mean something
  public:
    static constexpr std::size_t size_bytes = N;

    constexpr Bytes() = default;
    explicit constexpr Bytes(std::span<const std::uint8_t, N> from) {
        std::copy(from.begin(), from.end(), bytes_.begin());
    }
    // Errc::bad_value unless `from` has exactly N bytes.
    static Result<Bytes> from(ByteView from) {
        if (from.size() != N) return proto::Errc::bad_value;
        return Bytes(from.template first<N>());
    }
    static Result<Bytes> from_hex(std::string_view text) {
        auto bytes = kp2p::from_hex(text);
        if (!bytes) return bytes.error();
        return from(*bytes);
    }
    std::string hex() const { return to_hex(bytes_); }
    constexpr std::span<const std::uint8_t, N> view() const { return bytes_; }
    constexpr std::span<std::uint8_t, N> mutable_view() { return bytes_; }
    const std::uint8_t* data() const { return bytes_.data(); }
    std::uint8_t* data() { return bytes_.data(); }
    friend constexpr auto operator<=>(const Bytes&, const Bytes&) = default;

  private:
    std::array<std::uint8_t, N> bytes_{};
};

// For unordered containers. Feed it only values that an attacker cannot choose freely, or bound
// the container: the first word of a hash is its own hash.
struct BytesHash {
    template <class Tag, std::size_t N>
    std::size_t operator()(const Bytes<Tag, N>& bytes) const {
        static_assert(N >= sizeof(std::size_t));
        std::size_t word;
        std::memcpy(&word, bytes.data(), sizeof word);
        return word;
    }
};

using NodeId = Bytes<struct NodeIdTag, 32>;      // a node's Ed25519 public key
using Sha1 = Bytes<struct Sha1Tag, 20>;          // of a file's content
using Sha1Link = Bytes<struct Sha1LinkTag, 20>;  // SHA-1 state after a whole number of MiB
using Topic = Bytes<struct TopicTag, 32>;        // what nodes announce themselves under
using Hash32 = Bytes<struct Hash32Tag, 32>;      // BLAKE2b-256 of something
using HandshakeHash = Bytes<struct HandshakeHashTag, 64>;  // Noise transcript of a connection

}  // namespace kp2p
