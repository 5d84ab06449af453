// Plan: which probes one side sends, and when, once both have said what their NATs do. Probes go
// from numbered sockets: 0 is the one whose NAT was looked at; others are opened as a probe names
// them. A probe that is `near` dies before the other side's NAT: it only opens ours, and cannot
// make theirs close to us. Source: npm hyperdht 6.34.0 (lib/holepuncher.js), and where it is slow,
// our own: see the ways below.
// Time is only the `now` passed in.
#pragma once

#include <random>
#include <string_view>

#include "proto/crypto/noise.hpp"
#include "proto/dht/time.hpp"
#include "proto/punch/nat.hpp"

namespace kp2p::proto::punch {

using dht::Span;
using dht::Time;

struct Probe {
    enum class Range { near, far };

    std::size_t socket = 0;
    Endpoint to;
    Range range = Range::far;
    friend bool operator==(const Probe&, const Probe&) = default;
};

enum class Way {
    direct,    // both are consistent: to the addresses they are seen at
    spray,     // we are consistent, they random: to many of their ports
    foresee,   // they are sequential: to the ports that come next, then as spray
    birthday,  // we are random, they consistent: from many sockets
    meet,      // both are sequential: many of our ports to one of theirs, as they do
};
std::string_view name_of(Way way);  // for a person

class Plan {
  public:
    static constexpr std::size_t max_sockets = 256;
    static constexpr std::size_t meeting_sockets = 50;
    // How far beyond the last port that was seen a sequential NAT is expected.
    static constexpr int foreseen_ports = 50, foreseen_behind = 10;

    struct Setup {
        Role role = Role::initiator;
        NatKind ours = {}, theirs = {};
        std::vector<Target> targets = {};
        std::uint64_t seed = 0;
    };
    // Nothing if there is no way: both random, one of them unknown, or it has not proven its
    // address where that is needed.
    static std::optional<Plan> make(Time now, const Setup& setup);

    Way way() const { return way_; }
    // Whether it takes hundreds of packets or sockets.
    bool heavy() const { return way_ != Way::direct; }
    std::optional<Time> deadline() const;  // of the next probe; none: all are sent
    Probe next();                          // only while there is one
    Time ends() const { return ends_; }    // what answers to the last probes may take included

  private:
    enum class Kind { to_targets, to_foreseen, to_random, from_first, open_sockets, keep_sockets };
    struct Lane {  // probes of one kind, beside those of others
        Kind kind;
        Span begins;
        std::size_t count, sent = 0;
        std::size_t sockets = 1;  // the first of ours
    };

    Plan(Time now, const Setup& setup, Way way);
    Time due(const Lane& lane) const;
    Probe probe(const Lane& lane);
    std::uint16_t random_port();

    Setup setup_;
    Way way_;
    Time began_, ends_;
    Endpoint verified_;
    std::vector<Lane> lanes_;
    std::vector<std::pair<std::size_t, std::size_t>> rounds_;  // round and target, for `direct`
    std::mt19937_64 random_;
};

}  // namespace kp2p::proto::punch
