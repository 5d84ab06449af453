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
using ByteViews = std::span<const ByteView>;  // bytes that lie here and there, in order

// A vector of bytes whose resize() leaves what it adds as it is, for bulk buffers that are filled
// next: zeros written first cost as much as the bytes themselves. No allocator of std::vector, as
// that goes through all the bytes, one by one, where the compiler does not optimise.
class BulkBytes {
  public:
    BulkBytes() = default;
    explicit BulkBytes(std::size_t size) { resize(size); }
    BulkBytes(BulkBytes&& other) noexcept { swap(other); }
    BulkBytes& operator=(BulkBytes&& other) noexcept {
        BulkBytes(std::move(other)).swap(*this);
        return *this;
    }

    std::uint8_t* data() { return bytes_.get(); }
    const std::uint8_t* data() const { return bytes_.get(); }
    std::size_t size() const { return size_; }
    std::size_t capacity() const { return capacity_; }
    bool empty() const { return size_ == 0; }
    std::uint8_t* begin() { return data(); }
    std::uint8_t* end() { return data() + size_; }
    const std::uint8_t* begin() const { return data(); }
    const std::uint8_t* end() const { return data() + size_; }
    std::uint8_t& operator[](std::size_t at) { return bytes_[at]; }
    std::uint8_t operator[](std::size_t at) const { return bytes_[at]; }

    void resize(std::size_t size) {
        if (size > capacity_) reallocate(std::max(size, 2 * capacity_));
        size_ = size;
    }
    void clear() { size_ = 0; }
    void shrink_to_fit() {
        if (size_ < capacity_) reallocate(size_);
    }
    void swap(BulkBytes& other) noexcept {
        std::swap(bytes_, other.bytes_);
        std::swap(size_, other.size_);
        std::swap(capacity_, other.capacity_);
    }

  private:
    void reallocate(std::size_t capacity) {
        std::unique_ptr<std::uint8_t[]> moved;
        if (capacity > 0) moved = std::make_unique_for_overwrite<std::uint8_t[]>(capacity);
        if (const auto size = std::min(size_, capacity); size > 0)
            std::memcpy(moved.get(), bytes_.get(), size);
        bytes_ = std::move(moved);
        capacity_ = capacity;
    }

    std::unique_ptr<std::uint8_t[]> bytes_;
    std::size_t size_ = 0, capacity_ = 0;
};

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
