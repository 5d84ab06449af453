// Approach: one way to a path to a node that has answered our greeting; one file each. Those that
// fit the two nodes race, and the first path wins.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "node/async/event.hpp"
#include "node/reach/greeting.hpp"
#include "node/reach/socket_pool.hpp"
#include "proto/punch/client.hpp"
#include "proto/report/finding.hpp"

namespace kp2p {

class Ipv6Door;

// A node that has answered, and what an approach may use.
struct Greeted {
    Dht& dht;
    Clock& clock;
    NodeId remote;
    bool we_are_open = false;
    const Answer& answer;
    Ipv6Door* door = nullptr;  // null: not over IPv6
};

struct Approach {
    // Of its path: the peer has answered us on it; was heard on it; or it is said to work.
    enum class Proof { answered, heard, none };

    std::function<Task<Result<UdxPath>>()> run;
    Finding failure;                                  // what there is to say when it fails,
    std::function<void(Finding&)> explain = nullptr;  // and what shows only then
    Proof proof = Proof::answered;
};

// Nothing: it is not for these two nodes.
std::optional<Approach> open_approach(const Greeted& greeted);
// What is only said to work is asked, from a port that we have, or from a new one.
Approach shown_approach(const Greeted& greeted, Approach approach);
Approach from_port(const Greeted& greeted, Approach approach, SocketPool& pool,
                   SocketPool::Open open);
std::optional<Approach> lan_approach(const Greeted& greeted);
std::optional<Approach> ipv6_approach(const Greeted& greeted);
// What a punch needs besides, and what it leaves for the next one with this node.
struct Punching {
    Runtime& runtime;
    SocketPool& pool;
    proto::NoiseKeys keys;
    proto::punch::Client::Course* course;  // that led through the last time
    SocketPool::Open open = nullptr;       // in the place of the pool's own
    // What we knock with: a packet of our stream, for which it is ready. None: a probe.
    std::function<ByteVector()> knock = nullptr;
};
std::optional<Approach> punch_approach(const Greeted& greeted, const Punching& punching);

// The path of the race, which the peer's own packets may show before any approach has found it.
struct FoundPath {
    explicit FoundPath(Executor executor) : changed(std::move(executor)) {}

    std::optional<UdxPath> path;
    Event changed;
};
// The peer is expected to come to us.
std::optional<Approach> awaited_approach(const Greeted& greeted, FoundPath& found);

// Runs all until there is a path or none is left; the others have then ended. Errc::cannot_connect
// when there is none, with each one's failure and how long it took in `why`.
Task<Result<UdxPath>> race(std::vector<Approach> approaches, FoundPath& found, Clock& clock,
                           Findings& why);

}  // namespace kp2p
