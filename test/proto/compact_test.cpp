#include "proto/compact.hpp"

#include <doctest/doctest.h>

using namespace kp2p;
using namespace kp2p::proto;

TEST_CASE("uint takes the shortest form") {
    struct Row {
        std::uint64_t value;
        const char* hex;
    };
    const Row rows[] = {
        {0, "00"},
        {0xfc, "fc"},
        {0xfd, "fdfd00"},
        {0xffff, "fdffff"},
        {0x10000, "fe00000100"},
        {0xffffffff, "feffffffff"},
        {0x100000000, "ff0000000001000000"},
        {(std::uint64_t{1} << 53) - 1, "ffffffffffffff1f00"},
    };
    for (const Row& row : rows) {
        CAPTURE(row.value);
        Writer writer;
        writer.uint(row.value);
        CHECK(to_hex(writer.bytes()) == row.hex);
        Reader reader(writer.bytes());
        CHECK(reader.uint() == row.value);
        CHECK(reader.finish());
        for (std::size_t cut = 0; cut < writer.bytes().size(); ++cut) {
            Reader short_reader(ByteView(writer.bytes()).first(cut));
            short_reader.uint();
            CHECK(short_reader.finish().error() == proto::Errc::truncated);
        }
    }
}

TEST_CASE("uint decodes longer forms and refuses what JavaScript cannot hold") {
    Reader longer(as_bytes(std::string_view("\xfd\x05\x00", 3)));
    CHECK(longer.uint() == 5);
    CHECK(longer.finish());
    Reader huge(as_bytes(std::string_view("\xff\x00\x00\x00\x00\x00\x00\x20\x00", 9)));
    CHECK(huge.uint() == 0);
    CHECK(huge.finish().error() == proto::Errc::bad_value);
}

TEST_CASE("an address is host bytes and a little-endian port") {
    Writer writer;
    writer.addr4(Endpoint::loopback(49737));
    CHECK(to_hex(writer.bytes()) == "7f00000149c2");
    Reader reader(writer.bytes());
    CHECK(reader.addr4() == Endpoint::loopback(49737));
}

TEST_CASE("an addr6 holds either family, and an IPv4-mapped one is read as IPv4") {
    const Endpoint v6 = *Endpoint::parse("[2001:db8::1]:2"), v4 = *Endpoint::parse("1.2.3.4:2");
    Writer writer;
    writer.addr6(v6).addr6(v4);
    CHECK(to_hex(writer.bytes()) ==
          "20010db80000000000000000000000010200"
          "00000000000000000000ffff010203040200");
    Reader reader(writer.bytes());
    CHECK(reader.addr6() == v6);
    CHECK(reader.addr6() == v4);
    CHECK(reader.finish());
    for (std::size_t size = 0; size < 18; ++size) {
        Reader cut(ByteView(writer.bytes()).first(size));
        (void)cut.addr6();
        CHECK(cut.failed());
    }
}

TEST_CASE("a count larger than what is left is refused") {
    Reader reader(as_bytes(std::string_view("\x03\x01\x02", 3)));
    CHECK(reader.count(1) == 0);
    CHECK(reader.failed());
}
