// Upkeep keeps the routing table true: who enters it, who is checked, who goes, and what the others
// say our own address is. Shape: heard() for each datagram that counts, tick() every 5 s, drain
// next_check() and report each by check_ended(). Source: npm dht-rpc 6.27.0 (index.js).
#pragma once

#include <deque>
#include <set>

#include "proto/dht/node/nat_sampler.hpp"
#include "proto/dht/table/routing_table.hpp"
#include "proto/dht/time.hpp"

namespace kp2p::proto::dht {

class Upkeep {
  public:
    static constexpr Span tick_length = std::chrono::seconds(5);
    static constexpr Tick recent_ticks = 12;   // a node heard in these needs no check
    static constexpr Tick old_ticks = 360;     // a node known that long is worth keeping
    static constexpr Tick refresh_ticks = 60;  // without a query
    static constexpr std::size_t max_probes = 3, max_suspicions = 10;

    struct Setup {
        std::uint64_t seed = 0;  // spreads the timers of many nodes
        std::size_t bootstrap_nodes = 0;
    };
    // The table must outlive the upkeep.
    Upkeep(RoutingTable& table, const Setup& setup);

    enum class Arrival { default_socket, other_socket };
    struct Heard {
        Endpoint from;
        std::optional<DhtId> id;  // verified
        Endpoint to;              // our address as it sees it
        Arrival arrival;
    };
    void heard(const Heard& heard);

    // Ping this address. A newcomer waits for its place if it is dead.
    struct Check {
        enum class Reason { liveness, full_row, suspected_down } reason;
        DhtId node;
        Endpoint address;
        std::optional<Endpoint> newcomer;
        std::uint64_t heard_before = 0;
    };
    std::optional<Check> next_check();
    enum class Outcome { answered, failed, skipped };
    void check_ended(const Check& check, Outcome outcome);
    // Until it is checked, one that says so itself is named to nobody: hyperdht asks whoever is
    // named to it for six seconds.
    enum class Said { by_itself, by_another };
    void suspected_down(const DhtId& node, Said by);
    void request_failed(const Endpoint& asked);

    void tick(std::size_t requests_in_flight);
    void query_started() { refresh_countdown_ = refresh_ticks; }
    bool take_refresh();  // whether a refresh query is due; true once
    // The machine slept: check everything soon.
    void woke_up();
    // We are seen at another address than before: what was said of it is forgotten.
    void moved();
    void bootstrapped() { bootstrapped_ = true; }

    NatSampler& sampler() { return sampler_; }
    Tick now() const { return now_; }

  private:
    void check(TableNode& node, Check::Reason reason, std::optional<Endpoint> newcomer);
    void check_oldest(std::size_t requests_in_flight);
    void offer(const Heard& heard);
    void probe_row(const Endpoint& newcomer);

    RoutingTable& table_;
    NatSampler sampler_;
    Tick now_, refresh_countdown_;
    std::size_t max_anonymous_;
    std::set<Endpoint> anonymous_;  // nodes without id whose view of our address was taken
    std::size_t probes_ = 0, suspicions_ = 0;
    std::deque<Check> checks_;
    bool bootstrapped_ = false, refresh_due_ = false;
};

}  // namespace kp2p::proto::dht
