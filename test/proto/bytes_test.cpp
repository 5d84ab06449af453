#include "proto/bytes.hpp"

#include <doctest/doctest.h>

#include <numeric>

using kp2p::BulkBytes;
using kp2p::ByteVector;
using kp2p::ByteView;
using kp2p::from_hex;
using kp2p::to_hex;

namespace {

BulkBytes counting(std::size_t size) {
    BulkBytes bytes(size);
    std::iota(bytes.begin(), bytes.end(), std::uint8_t{1});
    return bytes;
}

ByteVector copied(ByteView bytes) { return {bytes.begin(), bytes.end()}; }

}  // namespace

TEST_CASE("a bulk buffer keeps its bytes while it grows and shrinks") {
    BulkBytes bytes = counting(3);
    CHECK(copied(bytes) == ByteVector{1, 2, 3});
    bytes.resize(1000);
    CHECK(bytes.size() == 1000);
    CHECK(copied(ByteView(bytes).first(3)) == ByteVector{1, 2, 3});
    bytes.resize(2);
    CHECK(bytes.capacity() == 1000);
    CHECK(copied(bytes) == ByteVector{1, 2});
    bytes.shrink_to_fit();
    CHECK(bytes.capacity() == 2);
    CHECK(copied(bytes) == ByteVector{1, 2});
    bytes.clear();
    CHECK(bytes.empty());
    bytes.shrink_to_fit();
    CHECK(bytes.capacity() == 0);
}

TEST_CASE("a bulk buffer that grows a little at a time is not moved each time") {
    BulkBytes bytes;
    int moves = 0;
    for (std::size_t size = 1; size <= 1000; ++size) {
        const std::size_t before = bytes.capacity();
        bytes.resize(size);
        moves += bytes.capacity() != before;
    }
    CHECK(moves <= 11);
}

TEST_CASE("a bulk buffer that was moved from is empty") {
    BulkBytes from = counting(3), to = counting(9);
    to = std::move(from);
    CHECK(copied(to) == ByteVector{1, 2, 3});
    CHECK(from.empty());
    const BulkBytes last(std::move(to));
    CHECK(copied(last) == ByteVector{1, 2, 3});
    CHECK(to.empty());
}

TEST_CASE("hexadecimal goes both ways, and takes either case") {
    CHECK(to_hex({}).empty());
    CHECK(to_hex(ByteVector{0x00, 0x9a, 0xff}) == "009aff");
    CHECK(*from_hex("") == ByteVector());
    CHECK(*from_hex("009AfF") == ByteVector{0x00, 0x9a, 0xff});
    for (const char* text : {"0", "009", "0g", "g0", " 00", "00 ", "0:0", "00:11"}) {
        CAPTURE(text);
        CHECK(!from_hex(text));
    }
}
