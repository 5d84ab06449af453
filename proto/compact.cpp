#include "proto/compact.hpp"

#include <algorithm>
#include <cassert>

namespace kp2p::proto {
namespace {

constexpr std::uint64_t max_uint = (std::uint64_t{1} << 53) - 1;  // what JavaScript can represent

template <class Int>
void append(ByteVector& bytes, Int value) {
    for (std::size_t i = 0; i < sizeof(Int); ++i)
        bytes.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
}

}  // namespace

Writer& Writer::u8(std::uint8_t value) {
    bytes_.push_back(value);
    return *this;
}

Writer& Writer::u16(std::uint16_t value) {
    append(bytes_, value);
    return *this;
}

Writer& Writer::u32(std::uint32_t value) {
    append(bytes_, value);
    return *this;
}

Writer& Writer::u64(std::uint64_t value) {
    append(bytes_, value);
    return *this;
}

Writer& Writer::uint(std::uint64_t value) {
    if (value <= 0xfc) return u8(static_cast<std::uint8_t>(value));
    if (value <= 0xffff) return u8(0xfd).u16(static_cast<std::uint16_t>(value));
    if (value <= 0xffffffff) return u8(0xfe).u32(static_cast<std::uint32_t>(value));
    return u8(0xff).u64(value);
}

Writer& Writer::raw(ByteView bytes) {
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
    return *this;
}

Writer& Writer::buffer(ByteView bytes) { return uint(bytes.size()).raw(bytes); }

Writer& Writer::string(std::string_view text) { return buffer(as_bytes(text)); }

Writer& Writer::addr4(const Endpoint& endpoint) {
    assert(endpoint.host.is_v4());
    return raw(endpoint.host.v4()).u16(endpoint.port);
}

Writer& Writer::addr6(const Endpoint& endpoint) {
    return raw(endpoint.host.with_zone(0).bytes()).u16(endpoint.port);
}

template <class Int>
Int Reader::little_endian() {
    const ByteView bytes = raw(sizeof(Int));
    Int value = 0;
    for (std::size_t i = bytes.size(); i-- > 0;) value = static_cast<Int>(value << 8 | bytes[i]);
    return value;
}

std::uint8_t Reader::u8() {
    const ByteView bytes = raw(1);
    return bytes.empty() ? std::uint8_t{0} : bytes[0];
}

std::uint16_t Reader::u16() { return little_endian<std::uint16_t>(); }

std::uint32_t Reader::u32() { return little_endian<std::uint32_t>(); }

std::uint64_t Reader::u64() { return little_endian<std::uint64_t>(); }

std::uint64_t Reader::uint() {
    const std::uint8_t first = u8();
    if (first <= 0xfc) return first;
    if (first == 0xfd) return u16();
    if (first == 0xfe) return u32();
    const std::uint64_t value = u64();
    if (value <= max_uint) return value;
    fail(Errc::bad_value);
    return 0;
}

ByteView Reader::raw(std::size_t size) {
    if (failed_ || size > rest_.size()) {
        fail(Errc::truncated);
        return {};
    }
    const ByteView bytes = rest_.first(size);
    rest_ = rest_.subspan(size);
    return bytes;
}

ByteView Reader::rest() { return raw(failed_ ? 0 : rest_.size()); }

ByteView Reader::buffer() {
    const std::uint64_t size = uint();
    if (size > rest_.size()) {
        fail(Errc::truncated);
        return {};
    }
    return raw(static_cast<std::size_t>(size));
}

std::string_view Reader::string() { return as_text(buffer()); }

Endpoint Reader::addr4() {
    std::array<std::uint8_t, 4> host{};
    const ByteView bytes = raw(host.size());
    std::copy(bytes.begin(), bytes.end(), host.begin());
    return {host, u16()};
}

Endpoint Reader::addr6() {
    std::array<std::uint8_t, 16> host{};
    const ByteView bytes = raw(host.size());
    if (failed()) return {};
    std::copy(bytes.begin(), bytes.end(), host.begin());
    return {Host(host).with_zone(0), u16()};  // zones are ours alone
}

std::size_t Reader::count(std::size_t min_item_bytes) {
    const std::uint64_t count = uint();
    if (count > rest_.size() / min_item_bytes) {
        fail(Errc::truncated);
        return 0;
    }
    return static_cast<std::size_t>(count);
}

void Reader::fail(Errc error) {
    if (!failed_) error_ = error;
    failed_ = true;
    rest_ = {};
}

Result<void> Reader::finish() const {
    if (failed_) return error_;
    return ok;
}

}  // namespace kp2p::proto
