#include "proto/paths/candidates.hpp"

#include <doctest/doctest.h>

#include "proto/errc.hpp"

using namespace kp2p;
using namespace kp2p::proto;

namespace {

using Transport = Candidate::Transport;
using Origin = Candidate::Origin;

Endpoint at(const char* text) { return *Endpoint::parse(text); }

}  // namespace

TEST_CASE("candidates have these bytes, and come back") {
    const std::vector<Candidate> candidates{
        {Transport::tcp, Origin::local, at("192.168.1.2:258")},
        {Transport::udp, Origin::observed, at("8.8.8.8:1")},
        {Transport::tcp, Origin::relayed, at("[2a00:1450::1]:65535")}};
    const Encoded message = encode(candidates);
    CHECK(message.type == 0);
    CHECK(to_hex(message.payload) ==
          "03"
          "010000000000000000000000ffffc0a801020201"
          "000100000000000000000000ffff080808080100"
          "01032a001450000000000000000000000001ffff");
    CHECK(*decode_candidates(0, message.payload) == candidates);
    for (std::size_t size = 0; size < message.payload.size(); ++size)
        CHECK(decode_candidates(0, ByteView(message.payload).first(size)).error() ==
              kp2p::proto::Errc::truncated);
    ByteVector longer = message.payload;
    longer.push_back(7);
    CHECK(*decode_candidates(0, longer) == candidates);
    CHECK(decode_candidates(1, message.payload).error() == kp2p::proto::Errc::unknown_type);
    CHECK(decode_candidates(0, ByteVector{0})->empty());
}

TEST_CASE("what leads nowhere, and what is not known, is left out") {
    std::vector<Candidate> candidates;
    for (const char* nowhere : {"0.0.0.0:5", "1.2.3.4:0", "224.0.0.1:5", "255.255.255.255:5",
                                "[::]:5", "[ff02::1]:5", "[2001:db8::1]:5"})
        candidates.push_back({Transport::tcp, Origin::local, at(nowhere)});
    const Candidate good{Transport::tcp, Origin::local, at("10.0.0.1:5")};
    candidates.push_back(good);
    CHECK(*decode_candidates(0, encode(candidates).payload) == std::vector<Candidate>{good});
    ByteVector other = encode({good, good, good}).payload;
    other[1] = 2;
    other[22] = 4;
    CHECK(*decode_candidates(0, other) == std::vector<Candidate>{good});
}

TEST_CASE("there is a limit to candidates") {
    const Candidate good{Transport::tcp, Origin::local, at("10.0.0.1:5")};
    const std::vector<Candidate> many(max_candidates + 1, good);
    ByteVector bytes = encode(many).payload;
    CHECK(decode_candidates(0, bytes)->size() == max_candidates);
    bytes[0]++;
    bytes.resize(bytes.size() + 20);
    CHECK(decode_candidates(0, bytes).error() == kp2p::proto::Errc::too_long);
}
