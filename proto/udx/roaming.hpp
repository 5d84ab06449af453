// Roaming: what a stream knows of the peer's being elsewhere.
// Packets from an unknown address make that address a candidate. The stream asks along the path in
// use; while that is answered it stays. If not, the candidate is challenged, and the stream moves
// when that is answered; the path that was left is kept for a while and taken again without a
// challenge. So neither a forged source nor a forged answer moves a stream, and who relays the
// peer's packets from elsewhere moves it only while the peer is silent. From a path through a relay
// it moves to any other that answers a challenge, without asking first. A stream whose own end is
// sent has no numbers left for a challenge, and stays.
#pragma once

#include <optional>

#include "proto/udx/challenge.hpp"

namespace kp2p::proto::udx {

struct Roaming {
    std::optional<unsigned> candidate;  // asked about, or under the challenge
    std::optional<unsigned> kept;       // the path that was left last
    unsigned questions = 0;             // unanswered on the path in use
    bool question_due = false;
    Time quiet_until{};  // no question before, as the last one was answered
    std::optional<Challenge> challenge;
    std::uint64_t challenges = 0;
    unsigned rounds = 0;  // how often this one was sent
    bool round_due = false, requested = false;
    bool improving = false;  // the path in use goes through a relay, the candidate does not
    std::optional<Time> timer;
    // Something was sent that the peer is to acknowledge, and nothing has come since.
    std::optional<Time> unanswered_since;
    // The same, and nothing that acknowledges any of it: the peer's packets may get here, and ours
    // not there.
    std::optional<Time> unacknowledged_since;
    bool heard = false;             // by the peer: something that was sent has arrived
    std::optional<unsigned> knock;  // a heartbeat along this path is due
};

}  // namespace kp2p::proto::udx
