#include "proto/tunnel/policy.hpp"

#include <doctest/doctest.h>

using namespace kp2p;
using namespace kp2p::proto::tunnel;
using namespace std::chrono_literals;

namespace {

const Policy::Time start{1h};

Endpoint at(const char* text) { return *Endpoint::parse(text); }

int passed(Policy& policy, Policy::Time now, const Endpoint& to, int tries) {
    int count = 0;
    for (int i = 0; i < tries; ++i) count += policy.may_leave(now, to, 100);
    return count;
}

}  // namespace

TEST_CASE("only public addresses are sent to, and heard") {
    Policy policy(start, {});
    for (const char* to : {"8.8.8.8:1", "[2a00:1450::1]:53"}) {
        CHECK(policy.may_leave(start, at(to), 100));
        CHECK(policy.may_arrive(start, at(to), 100));
    }
    for (const char* to :
         {"10.0.0.1:1", "192.168.1.1:1", "172.16.0.1:1", "100.64.0.1:1", "127.0.0.1:1",
          "169.254.169.254:80", "224.0.0.1:1", "255.255.255.255:1", "0.0.0.0:1", "[::1]:1",
          "[fe80::1]:1", "[fd00::1]:1", "[ff02::1]:1", "[::]:1", "8.8.8.8:0"}) {
        CAPTURE(to);
        CHECK_FALSE(policy.may_leave(start, at(to), 100));
        CHECK_FALSE(policy.may_arrive(start, at(to), 100));
    }
}

TEST_CASE("private ones only where that is allowed, multicast never") {
    Policy policy(start, {.allow_private = true});
    for (const char* to : {"10.0.0.1:1", "127.0.0.1:1", "[::1]:1", "[fd00::1]:1"})
        CHECK(policy.may_leave(start, at(to), 100));
    for (const char* to : {"224.0.0.1:1", "255.255.255.255:1", "0.0.0.0:1", "[ff02::1]:1"})
        CHECK_FALSE(policy.may_leave(start, at(to), 100));
}

TEST_CASE("who never answers gets a few datagrams, then a few a minute") {
    Policy policy(start, {});
    const Endpoint silent = at("8.8.8.8:1");
    CHECK(passed(policy, start, silent, 1000) == 16);
    CHECK(passed(policy, start + 60s, silent, 1000) == 6);
    CHECK(passed(policy, start + 24h, silent, 1000) == 16);
}

TEST_CASE("who answers is sent to freely, until it has been silent for long") {
    Policy policy(start, {});
    const Endpoint peer = at("8.8.8.8:1");
    CHECK(passed(policy, start, peer, 1000) == 16);
    CHECK(policy.may_arrive(start, peer, 100));
    CHECK(passed(policy, start, peer, 1000) == 1000);
    CHECK(passed(policy, start + 119s, peer, 1000) == 1000);
    CHECK(passed(policy, start + 121s, peer, 1000) < 17);
}

TEST_CASE("the ports of a host that does not answer cannot be gone through") {
    Policy policy(start, {});
    int count = 0;
    for (std::uint16_t port = 1; port < 1000; ++port)
        count += policy.may_leave(start, {{8, 8, 8, 8}, port}, 100);
    CHECK(count == 64);
    // One port that answers gives back what was sent there, and no more.
    CHECK(policy.may_arrive(start, {{8, 8, 8, 8}, 1}, 100));
    count = 0;
    for (std::uint16_t port = 1000; port < 2000; ++port)
        count += policy.may_leave(start, {{8, 8, 8, 8}, port}, 100);
    CHECK(count == 1);
}

TEST_CASE("so many bytes and datagrams a second, each way") {
    Policy policy(start, {.bytes_per_second = 10000, .datagrams_per_second = 100});
    const Endpoint peer = at("8.8.8.8:1");
    REQUIRE(policy.may_arrive(start, peer, 1));
    CHECK(passed(policy, start, peer, 1000) == 50);
    CHECK(passed(policy, start + 1s, peer, 1000) == 50);
    int count = 0;
    for (int i = 0; i < 1000; ++i) count += policy.may_arrive(start + 2s, peer, 1000);
    CHECK(count == 5);
}

TEST_CASE("the least recently used destination is forgotten first") {
    Recent<int, int, std::hash<int>> recent(2);
    recent.make(1, 10);
    recent.make(2, 20);
    CHECK(*recent.find(1) == 10);
    recent.make(3, 30);
    CHECK(recent.find(2) == nullptr);
    CHECK(recent.make(1, 99) == 10);
    CHECK(recent.size() == 2);
}
