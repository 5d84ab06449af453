// Compact encoding: how Hyperswarm protocols write integers, buffers and addresses. Little-endian.
//   uint   := 1 byte 0..0xfc | fd u16 | fe u32 | ff u64       value <= 2^53-1, any width decodes
//   buffer := uint(n) n bytes      string := the same, UTF-8
//   addr4  := 4 host bytes, u16 port                  addr6 := 16 host bytes, u16 port
// Source: npm compact-encoding 3.5.2.
//
// Writer appends and cannot fail. Reader walks over bytes it does not own: a read past the end or a
// bad value makes it fail for good, every later read returns a zero value, and finish() tells which
// error came first; so a decoder reads all its fields and checks once. Views that it returns live
// as long as the bytes it was given.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "proto/bytes.hpp"
#include "proto/endpoint.hpp"

namespace kp2p::proto {

class Writer {
  public:
    Writer& u8(std::uint8_t value);
    Writer& u16(std::uint16_t value);
    Writer& u32(std::uint32_t value);
    Writer& u64(std::uint64_t value);
    Writer& uint(std::uint64_t value);
    Writer& raw(ByteView bytes);     // no length
    Writer& buffer(ByteView bytes);  // with length
    Writer& string(std::string_view text);
    Writer& addr4(const Endpoint& endpoint);  // which is IPv4
    Writer& addr6(const Endpoint& endpoint);  // IPv4 as IPv4-mapped
    template <class Tag, std::size_t N>
    Writer& fixed(const Bytes<Tag, N>& bytes) {
        return raw(bytes.view());
    }

    const ByteVector& bytes() const { return bytes_; }
    ByteVector take() { return std::move(bytes_); }

  private:
    ByteVector bytes_;
};

class Reader {
  public:
    explicit Reader(ByteView bytes) : rest_(bytes) {}

    std::uint8_t u8();
    std::uint16_t u16();
    std::uint32_t u32();
    std::uint64_t u64();
    std::uint64_t uint();
    ByteView raw(std::size_t size);
    ByteView rest();  // everything that is left
    ByteView buffer();
    std::string_view string();
    Endpoint addr4();
    Endpoint addr6();
    // A uint that counts items to follow, each of at least `min_item_bytes`; a count that cannot
    // fit what is left is an error, so that a caller may reserve it.
    std::size_t count(std::size_t min_item_bytes);
    template <class Id>
    Id fixed() {
        const ByteView bytes = raw(Id::size_bytes);
        return failed() ? Id() : *Id::from(bytes);
    }

    void fail(Errc error);  // the first error stays
    bool failed() const { return failed_; }
    std::size_t left() const { return rest_.size(); }
    // Trailing bytes are no error: a newer peer may append fields.
    Result<void> finish() const;

  private:
    template <class Int>
    Int little_endian();

    ByteView rest_;
    bool failed_ = false;
    Errc error_ = Errc::truncated;
};

}  // namespace kp2p::proto
