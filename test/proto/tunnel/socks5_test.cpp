#include "proto/tunnel/socks5.hpp"

#include <doctest/doctest.h>

#include "proto/outcome.hpp"

using namespace kp2p;
using namespace kp2p::proto::tunnel;

namespace {

const WebAddress relay{"relay.lab.edu", 443};

// What a proxy says, in the steps in which it is read.
Result<void> answer(Socks5& socks, ByteView bytes) {
    while (socks.wanted_bytes() > 0) {
        if (socks.wanted_bytes() > bytes.size()) return proto::Errc::truncated;
        CHECK(socks.wanted_bytes() <= Socks5::max_wanted_bytes);
        const ByteView step = bytes.first(socks.wanted_bytes());
        bytes = bytes.subspan(step.size());
        auto taken = socks.receive(step);
        if (!taken) return taken;
    }
    CHECK(bytes.empty());  // the rest is the relay's
    return ok;
}

}  // namespace

TEST_CASE("a way to a name is asked for, with a login where the proxy wants one") {
    Socks5 socks(relay, "me:p@ss");
    CHECK(socks.take_output() == ByteVector{5, 2, 0, 2});
    CHECK(socks.take_output().empty());
    CHECK(socks.receive(ByteVector{5, 2}));
    CHECK(socks.take_output() == ByteVector{1, 2, 'm', 'e', 4, 'p', '@', 's', 's'});
    CHECK(socks.receive(ByteVector{1, 0}));
    const ByteVector asked{5,   1,   0,   3,   13,  'r', 'e', 'l', 'a', 'y',
                           '.', 'l', 'a', 'b', '.', 'e', 'd', 'u', 1,   0xbb};
    CHECK(socks.take_output() == asked);
    CHECK(answer(socks, ByteVector{5, 0, 0, 3, 2, 'a', 'b', 1, 2}));
    CHECK(socks.wanted_bytes() == 0);
}

TEST_CASE("a way to an address is asked for as that") {
    Socks5 v4({"192.0.2.7", 443}, "");
    CHECK(v4.take_output() == ByteVector{5, 1, 0});
    CHECK(v4.receive(ByteVector{5, 0}));
    CHECK(v4.take_output() == ByteVector{5, 1, 0, 1, 192, 0, 2, 7, 1, 0xbb});
    CHECK(answer(v4, ByteVector{5, 0, 0, 1, 9, 9, 9, 9, 1, 2}));
    Socks5 v6({"::1", 1}, "");
    CHECK(v6.receive(ByteVector{5, 0}));
    CHECK(v6.take_output().size() == 4 + 16 + 2);
    ByteVector reply{5, 0, 0, 4};
    reply.resize(4 + 16 + 2);
    CHECK(answer(v6, reply));
}

TEST_CASE("why a SOCKS proxy does not let through is said, and no answer is taken for another") {
    const struct {
        ByteVector said;
        std::string_view credentials, why;
    } rows[] = {
        {{5, 0xff}, "", "wants a user and a password that it knows"},
        {{5, 2}, "", "wants a user and a password that it knows"},
        {{5, 0xff}, "me:x", "lets nobody in by a user and a password, nor without"},
        {{5, 1}, "me:x", "does not speak SOCKS 5"},
        {{5, 2, 1, 1}, "me:x", "wants a user and a password that it knows"},
        {{5, 2, 5, 0}, "me:x", "does not speak SOCKS 5"},
        {{'H', 'T'}, "", "does not speak SOCKS 5"},
        {{4, 0}, "", "does not speak SOCKS 5"},
        {{5, 0, 4, 0}, "", "does not speak SOCKS 5"},
        {{5, 0, 5, 2}, "", "does not let through to the relay"},
        {{5, 0, 5, 5}, "", "does not get through to the relay: nothing listens there"},
        {{5, 0, 5, 8}, "", "knows no addresses of this kind"},
        {{5, 0, 5, 9}, "", "refuses, with code 9"},
        {{5, 0, 5, 0, 0, 2, 0}, "", "does not speak SOCKS 5"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.why);
        Socks5 socks(relay, row.credentials);
        CHECK_FALSE(answer(socks, row.said));
        CHECK(socks.why() == row.why);
    }
    Socks5 whole(relay, "");
    const ByteVector all{5, 0, 5, 0, 0, 3, 255};
    CHECK(answer(whole, all).error() == proto::Errc::truncated);
    CHECK(whole.wanted_bytes() == Socks5::max_wanted_bytes);
}
