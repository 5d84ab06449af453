// Query: walks the DHT towards a target and collects the (up to 20) closest nodes that answer.
// Shape: drain next_visit() and next_down_hint() after the start and after each event; report each
// visit's end by on_reply() or on_failed(), and by on_slow() each time a transmission timed out.
// Each address is visited once. When finished() the visits still under way may be cancelled; those
// in overdue() are probably dead.
// Source: npm dht-rpc 6.27.0 (lib/query.js), which waits for a dead node to the end when there are
// not 20 others. Here two transmissions without answer are enough as soon as somebody was found.
// Holds at most max_seen addresses: what a hostile node invents beyond that is ignored.
#pragma once

#include <deque>
#include <optional>
#include <unordered_map>
#include <vector>

#include "proto/dht/table/routing_table.hpp"
#include "proto/dht/wire/rpc.hpp"

namespace kp2p::proto::dht {

struct QueryReply {
    Endpoint from;
    std::optional<DhtId> id;  // verified
    Reply reply;
};

// Broken machines of an old test network, and addresses that cannot be.
bool is_usable_node(const Endpoint& address);

class Query {
  public:
    static constexpr std::size_t width = 20;  // k
    static constexpr unsigned full_concurrency = 10, background_concurrency = 2;
    static constexpr std::size_t max_seen = 2048;

    struct Start {
        DhtId target;
        std::vector<Endpoint> seeds;  // asked before the table; the closest of an earlier query
        // Asked first of all, whatever seeds there are: these may all be dead. For a table that
        // cannot supply `width` nodes.
        std::vector<Endpoint> bootstrap;
        unsigned concurrency = full_concurrency;
    };
    // The table must outlive the query.
    Query(const RoutingTable& table, Start start);

    std::optional<Endpoint> next_visit();
    struct DownHint {
        Endpoint referrer, dead;
    };
    std::optional<DownHint> next_down_hint();

    void on_reply(const Endpoint& from, const Reply& reply);
    void on_slow(const Endpoint& from);
    // It has not answered others either, or has had its time: it is visited, but not waited for.
    void on_silent(const Endpoint& from);
    void on_failed(const Endpoint& from);
    void set_concurrency(unsigned concurrency) { concurrency_ = concurrency; }

    bool finished() const { return finished_; }
    // Replies without error of the closest nodes with a verified id, closest first.
    const std::vector<QueryReply>& closest() const { return closest_; }
    std::size_t successes() const { return successes_; }
    // Visits under way that have let two transmissions go by, and who named those nodes.
    struct Overdue {
        Endpoint node;
        std::vector<Endpoint> referrers;
    };
    std::vector<Overdue> overdue() const;

  private:
    enum class State { offered, done, down };
    struct Seen {
        State state = State::offered;
        std::vector<Endpoint> referrers;
    };
    struct Visit {
        unsigned timeouts = 0;  // up to overdue_timeouts
    };
    static constexpr unsigned overdue_timeouts = 2;

    bool is_closer(const DhtId& id) const;
    bool offer(const Endpoint& node, const std::optional<Endpoint>& referrer);
    void add_from_table();
    void run();
    bool is_over() const;  // with nothing left to visit
    void ended(const Endpoint& from);
    void insert(QueryReply reply);

    const RoutingTable& table_;
    DhtId target_;
    unsigned concurrency_;
    bool from_table_ = false, slowdown_ = false, finished_ = false;
    std::vector<QueryReply> closest_;
    std::vector<Endpoint> pending_;  // a stack
    std::unordered_map<Endpoint, Seen, EndpointHash> seen_;
    std::unordered_map<Endpoint, Visit, EndpointHash> in_flight_;
    std::deque<Endpoint> visits_;
    std::deque<DownHint> down_hints_;
    std::size_t slow_ = 0, overdue_ = 0, successes_ = 0, errors_ = 0;
};

}  // namespace kp2p::proto::dht
