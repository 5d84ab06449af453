#include "proto/punch/plan.hpp"

#include <algorithm>

namespace kp2p::proto::punch {
namespace {

using namespace std::chrono_literals;

// When rounds of the direct way begin. The first come quickly, since either side may begin before
// the other is ready. hyperdht has one a second, ten times; but what has not come through after
// three seconds will not, and there is another course to try before anybody loses patience.
constexpr std::chrono::milliseconds direct_rounds[] = {0ms,   50ms,   150ms,  400ms,
                                                       900ms, 1500ms, 2100ms, 2700ms};
constexpr std::size_t unverified_every = 4;  // an address without proof gets one in so many

// As many as hyperdht's, in a fifth of its time: of 256 ports that are open on the other side, one
// is then found 999 times in 1000, and 19 in 20 within three seconds. Ours are kept open longer, as
// a hyperdht has 50 a second.
constexpr Span random_probe = 4ms, kept_probe = 20ms;
constexpr std::size_t random_probes = 1750, kept_probes = 700;
constexpr int lowest_port = 1000;
constexpr Span socket_probe = 1ms;   // while sockets are opened
constexpr Span meeting_probe = 4ms;  // from each of fifty in turn
constexpr std::size_t meeting_probes = Plan::meeting_sockets * 20;
// From the first socket, so that it arrives where the other side's NAT lets in anything from our
// host, or from anywhere.
constexpr Span first_probe = 60ms;
constexpr std::size_t first_probes = 40;
constexpr Span opened_pause = 50ms;
constexpr Span last_answer = 600ms;

}  // namespace

std::string_view name_of(Way way) {
    constexpr std::string_view names[] = {
        "to the addresses that were seen", "to random ports of the other side",
        "to the next ports of the other side", "from many ports of ours",
        "from and to the next ports of both sides"};
    return names[std::size_t(way)];
}

std::optional<Plan> Plan::make(Time now, const Setup& setup) {
    const NatKind &ours = setup.ours, &theirs = setup.theirs;
    const bool known = ours.firewall != Firewall::unknown && theirs.firewall != Firewall::unknown;
    if (!known || setup.targets.empty()) return std::nullopt;
    if (ours.consistent() && theirs.consistent()) return Plan(now, setup, Way::direct);
    const bool proven = std::any_of(setup.targets.begin(), setup.targets.end(),
                                    [](const Target& target) { return target.verified; });
    if (!proven) return std::nullopt;
    if (ours.consistent()) return Plan(now, setup, theirs.last_port ? Way::foresee : Way::spray);
    if (theirs.consistent()) return Plan(now, setup, Way::birthday);
    if (ours.sequential() && theirs.sequential()) return Plan(now, setup, Way::meet);
    return std::nullopt;
}

Plan::Plan(Time now, const Setup& setup, Way way)
    : setup_(setup), way_(way), began_(now), random_(setup.seed) {
    for (const Target& target : setup_.targets) {
        if (!target.verified) continue;
        verified_ = target.address;
        break;
    }
    switch (way) {
        case Way::direct:
            for (std::size_t round = 0; round < std::size(direct_rounds); round++)
                for (std::size_t i = 0; i < setup_.targets.size(); i++)
                    if (setup_.targets[i].verified || (round + 1) % unverified_every == 0)
                        rounds_.emplace_back(round, i);
            lanes_.push_back({Kind::to_targets, 0ms, rounds_.size()});
            break;
        case Way::foresee:
            // Twice: the other side may open its port after our first probe there.
            lanes_.push_back({Kind::to_foreseen, 0ms, 2 * (foreseen_behind + foreseen_ports)});
            lanes_.push_back({Kind::to_random, lanes_[0].count * random_probe, random_probes});
            break;
        case Way::spray:
            lanes_.push_back({Kind::to_random, 0ms, random_probes});
            break;
        case Way::birthday: {
            const Span opened = (max_sockets - 1) * socket_probe + opened_pause;
            lanes_.push_back({Kind::from_first, 0ms, first_probes});
            lanes_.push_back({Kind::open_sockets, 0ms, max_sockets - 1});
            lanes_.push_back({Kind::keep_sockets, opened, kept_probes, 0, max_sockets});
            break;
        }
        case Way::meet:
            lanes_.push_back({Kind::keep_sockets, 0ms, meeting_probes, 0, meeting_sockets});
            verified_.port =
                static_cast<std::uint16_t>(*setup_.theirs.last_port + foreseen_ports / 2);
            break;
    }
    ends_ = began_;
    for (Lane lane : lanes_) {
        if (lane.count == 0) continue;
        lane.sent = lane.count - 1;
        ends_ = std::max(ends_, due(lane) + last_answer);
    }
}

Time Plan::due(const Lane& lane) const {
    const auto n = static_cast<std::int64_t>(lane.sent);
    switch (lane.kind) {
        case Kind::to_targets:
            return began_ + direct_rounds[rounds_[lane.sent].first];
        case Kind::to_foreseen:
        case Kind::to_random:
            return began_ + lane.begins + n * random_probe;
        case Kind::from_first:
            return began_ + lane.begins + n * first_probe;
        case Kind::open_sockets:
            return began_ + lane.begins + n * socket_probe;
        case Kind::keep_sockets:
            break;
    }
    return began_ + lane.begins + n * (way_ == Way::meet ? meeting_probe : kept_probe);
}

std::uint16_t Plan::random_port() {
    return static_cast<std::uint16_t>(
        std::uniform_int_distribution<int>(lowest_port, 65535)(random_));
}

Probe Plan::probe(const Lane& lane) {
    Endpoint to = verified_;
    const std::size_t n = lane.sent;
    switch (lane.kind) {
        case Kind::to_targets:
            return {0, setup_.targets[rounds_[n].second].address, Probe::Range::far};
        case Kind::to_foreseen: {
            // The next ones first, and now and then one that may have been given out before.
            constexpr int width = foreseen_behind + foreseen_ports, turns = width / foreseen_behind;
            const int turn = static_cast<int>(n % width), behind = turn / turns;
            const int offset = turn % turns == turns - 1 ? -behind : turn - behind + 1;
            to.port = static_cast<std::uint16_t>(*setup_.theirs.last_port + offset);
            return {0, to, Probe::Range::far};
        }
        case Kind::to_random:
            to.port = random_port();
            return {0, to, Probe::Range::far};
        case Kind::from_first:
            return {0, to, Probe::Range::far};
        case Kind::open_sockets:
            return {n + 1, to, Probe::Range::near};
        case Kind::keep_sockets:
            break;
    }
    const bool first_lap = n < lane.sockets;
    return {n % lane.sockets, to, first_lap ? Probe::Range::near : Probe::Range::far};
}

std::optional<Time> Plan::deadline() const {
    std::optional<Time> first;
    for (const Lane& lane : lanes_)
        if (lane.sent < lane.count && (!first || due(lane) < *first)) first = due(lane);
    return first;
}

Probe Plan::next() {
    Lane* next = nullptr;
    for (Lane& lane : lanes_)
        if (lane.sent < lane.count && (!next || due(lane) < due(*next))) next = &lane;
    const Probe probe = this->probe(*next);
    next->sent++;
    return probe;
}

}  // namespace kp2p::proto::punch
