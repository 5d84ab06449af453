#include "proto/endpoint.hpp"

#include <doctest/doctest.h>

#include <set>

#include "proto/compact.hpp"
#include "proto/errc.hpp"

using namespace kp2p;

TEST_CASE("endpoints of both families parse, and print canonically") {
    const struct {
        const char *text, *canonical;
    } rows[] = {
        {"10.0.200.255:65535", "10.0.200.255:65535"},
        {"0.0.0.0:0", "0.0.0.0:0"},
        {"[::]:1", "[::]:1"},
        {"[::1]:80", "[::1]:80"},
        {"[2001:DB8::FF00:42:8329]:5", "[2001:db8::ff00:42:8329]:5"},
        {"[2001:0db8:0000:0000:0001:0000:0000:0001]:5", "[2001:db8::1:0:0:1]:5"},
        {"[2001:db8:0:1:1:1:1:1]:5", "[2001:db8:0:1:1:1:1:1]:5"},
        {"[2001:0:0:1:0:0:0:1]:5", "[2001:0:0:1::1]:5"},
        {"[::ffff:1.2.3.4]:5", "1.2.3.4:5"},
        {"[0:0:0:0:0:FFFF:102:304]:5", "1.2.3.4:5"},
        {"[64:ff9b::1.2.3.4]:5", "[64:ff9b::102:304]:5"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.text);
        const auto endpoint = Endpoint::parse(row.text);
        REQUIRE(endpoint);
        CHECK(endpoint->text() == row.canonical);
        const auto again = Endpoint::parse(row.canonical);
        REQUIRE(again);
        CHECK(*again == *endpoint);
        CHECK(EndpointHash()(*again) == EndpointHash()(*endpoint));
        CHECK(endpoint->host.is_v4() == (row.canonical[0] != '['));
    }
}

TEST_CASE("what is no endpoint is refused") {
    using namespace std::string_view_literals;
    for (const std::string_view bad : {""sv,
                                       "1.2.3:4"sv,
                                       "1.2.3.4"sv,
                                       "1.2.3.4:"sv,
                                       "1.2.3.256:1"sv,
                                       "1.2.3.4:65536"sv,
                                       "1.2.3.4:5x"sv,
                                       "1.2.3.4: 5"sv,
                                       "1.2.3.4:+5"sv,
                                       "01.2.3.4:5"sv,
                                       "a.b.c.d:1"sv,
                                       ":5"sv,
                                       "[1.2.3.4]:5"sv,
                                       "::1:5"sv,
                                       "[::1]"sv,
                                       "[::1]5"sv,
                                       "[::1"sv,
                                       "::1]:5"sv,
                                       "[]:5"sv,
                                       "[[::1]]:5"sv,
                                       "[:::1]:5"sv,
                                       "[1::2::3]:5"sv,
                                       "[12345::]:5"sv,
                                       "[1:2:3:4:5:6:7]:5"sv,
                                       "[1:2:3:4:5:6:7:8:9]:5"sv,
                                       "[fe80::1%lo]:5"sv,
                                       "[::1\0]:5"sv,
                                       " [::1]:5"sv}) {
        CAPTURE(bad);
        CHECK(Endpoint::parse(bad).error() == proto::Errc::bad_text);
    }
}

TEST_CASE("endpoints are ordered by host, then port, and hash apart") {
    const Endpoint ordered[] = {*Endpoint::parse("[::1]:9"), *Endpoint::parse("1.2.3.4:1"),
                                *Endpoint::parse("1.2.3.4:2"), *Endpoint::parse("[2001:db8::]:1"),
                                *Endpoint::parse("[2001:db8::1]:0")};
    std::set<std::size_t> hashes;
    for (std::size_t i = 0; i < std::size(ordered); ++i) {
        hashes.insert(EndpointHash()(ordered[i]));
        if (i) CHECK(ordered[i - 1] < ordered[i]);
    }
    CHECK(hashes.size() == std::size(ordered));
}

TEST_CASE("addresses are told apart by what they are good for") {
    const struct {
        const char* text;
        HostKind kind;
    } rows[] = {{"8.8.8.8", HostKind::global},         {"0.0.0.0", HostKind::unspecified},
                {"127.255.0.1", HostKind::loopback},   {"169.254.1.1", HostKind::link_local},
                {"10.1.2.3", HostKind::site},          {"172.15.255.255", HostKind::global},
                {"172.31.255.255", HostKind::site},    {"192.168.0.1", HostKind::site},
                {"100.64.0.1", HostKind::shared},      {"100.128.0.1", HostKind::global},
                {"224.0.0.251", HostKind::multicast},  {"255.255.255.255", HostKind::reserved},
                {"192.0.2.1", HostKind::reserved},     {"2a00:1450::1", HostKind::global},
                {"::", HostKind::unspecified},         {"::1", HostKind::loopback},
                {"::2", HostKind::reserved},           {"::ffff:127.0.0.1", HostKind::loopback},
                {"fe80::1", HostKind::link_local},     {"febf::1", HostKind::link_local},
                {"fec0::1", HostKind::reserved},       {"fc00::1", HostKind::site},
                {"fdff::1", HostKind::site},           {"ff02::1", HostKind::multicast},
                {"2001:db8::1", HostKind::reserved},   {"3fff::1", HostKind::reserved},
                {"4000::1", HostKind::reserved},       {"64:ff9b::8.8.8.8", HostKind::global},
                {"64:ff9b::10.0.0.1", HostKind::site}, {"2002:7f00:1::1", HostKind::loopback},
                {"2002:808:808::1", HostKind::global}};
    for (const auto& row : rows) {
        CAPTURE(row.text);
        CHECK(Host::parse(row.text)->kind() == row.kind);
    }
}

TEST_CASE("a link-local address has a zone, which goes nowhere else") {
    const Host plain = *Host::parse("fe80::1:2"), there = plain.with_zone(7);
    CHECK(there.zone() == 7);
    CHECK(there.text() == "fe80::1:2%7");
    CHECK(there != plain);
    CHECK(there.with_zone(0) == plain);
    CHECK(there.kind() == HostKind::link_local);
    const ByteVector bytes = proto::Writer().addr6({there, 5}).take();
    CHECK(proto::Reader(bytes).addr6() == Endpoint{plain, 5});
    ByteVector forged = bytes;
    forged[7] = 7;
    CHECK(proto::Reader(forged).addr6() == Endpoint{plain, 5});
    CHECK(Host::parse("fe80::7:0:0:0:1")->zone() == 0);
    for (const char* other : {"169.254.1.1", "fd00::1", "2a00::1"})
        CHECK(Host::parse(other)->with_zone(7) == *Host::parse(other));
}

TEST_CASE("a subscriber has one IPv4 address, or 2^64 of IPv6") {
    const auto of = [](const char* text) { return Host::parse(text)->subscriber().text(); };
    CHECK(of("1.2.3.4") == "1.2.3.4");
    CHECK(of("2001:db8:1:2:3:4:5:6") == "2001:db8:1:2::");
}
