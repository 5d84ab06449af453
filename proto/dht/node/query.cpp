#include "proto/dht/node/query.hpp"

#include <algorithm>
#include <utility>

namespace kp2p::proto::dht {
namespace {

constexpr unsigned slow_start_concurrency = 3;
constexpr std::size_t max_referrers = 8;  // of one node: whom to tell that it is down

}  // namespace

bool is_usable_node(const Endpoint& address) {
    if (address.port == 0 || !address.host.is_v4() || address.host == Host()) return false;
    if (address.port == 49738 &&
        (address.host == Host(134, 209, 28, 98) || address.host == Host(167, 99, 142, 185)))
        return false;
    if (address.port == 9400 && address.host == Host(35, 233, 47, 252)) return false;
    return address.host != Host(150, 136, 142, 116);
}

Query::Query(const RoutingTable& table, Start start)
    : table_(table), target_(start.target), concurrency_(start.concurrency) {
    for (std::size_t i = start.seeds.size(); i-- > 0;)
        if (start.seeds[i].host.is_v4()) offer(start.seeds[i], std::nullopt);
    if (pending_.size() < width) add_from_table();
    for (const Endpoint& node : start.bootstrap)
        if (node.host.is_v4()) offer(node, std::nullopt);
    run();
}

bool Query::is_closer(const DhtId& id) const {
    return closest_.size() < width || compare_distance(target_, id, *closest_.back().id) < 0;
}

bool Query::offer(const Endpoint& node, const std::optional<Endpoint>& referrer) {
    const bool closer = is_closer(id_of(node));
    const auto found = seen_.find(node);
    if (found == seen_.end()) {
        if (!closer || seen_.size() >= max_seen) return false;
        Seen& seen = seen_[node];
        if (referrer) seen.referrers.push_back(*referrer);
        pending_.push_back(node);
        return true;
    }
    Seen& seen = found->second;
    if (referrer && seen.state == State::offered && seen.referrers.size() < max_referrers)
        seen.referrers.push_back(*referrer);
    if (referrer && seen.state == State::down) down_hints_.push_back({*referrer, node});
    return closer;
}

void Query::add_from_table() {
    from_table_ = true;
    for (const Endpoint& node : table_.closest(target_, width - std::min(width, pending_.size())))
        offer(node, std::nullopt);
}

bool Query::is_over() const {
    if (in_flight_.empty()) return true;
    if (closest_.size() >= width) return slow_ == in_flight_.size();
    return !closest_.empty() && overdue_ == in_flight_.size();
}

void Query::run() {
    while (!finished_) {
        const std::size_t limit = (slowdown_ ? slow_start_concurrency : concurrency_) + slow_;
        while (in_flight_.size() < limit && !pending_.empty()) {
            const Endpoint next = pending_.back();
            pending_.pop_back();
            if (!is_closer(id_of(next))) continue;
            in_flight_[next] = {};
            visits_.push_back(next);
        }
        if (!from_table_ && successes_ == 0 && errors_ == 0) slowdown_ = true;
        if (!pending_.empty() || !is_over()) return;
        if (!from_table_ && successes_ < width / 4) {
            add_from_table();
            if (!pending_.empty()) continue;
        }
        finished_ = true;
    }
}

void Query::ended(const Endpoint& from) {
    const auto visit = in_flight_.find(from);
    if (visit->second.timeouts > 0) --slow_;
    if (visit->second.timeouts >= overdue_timeouts) --overdue_;
    in_flight_.erase(visit);
    if (successes_ + errors_ >= concurrency_) slowdown_ = false;
}

void Query::insert(QueryReply reply) {
    const auto place = std::lower_bound(closest_.begin(), closest_.end(), reply,
                                        [&](const QueryReply& a, const QueryReply& b) {
                                            return compare_distance(target_, *a.id, *b.id) < 0;
                                        });
    if (place != closest_.end() && place->id == reply.id) return;
    closest_.insert(place, std::move(reply));
    if (closest_.size() > width) closest_.pop_back();
}

void Query::on_reply(const Endpoint& from, const Reply& reply) {
    if (finished_ || !in_flight_.contains(from)) return;
    seen_[from].state = State::done;
    if (reply.error == rpc_ok) {
        ++successes_;
        const auto id = verified_id(reply.id, from);
        if (id && is_closer(*id)) insert({from, id, reply});
    } else {
        ++errors_;
    }
    ended(from);
    for (const Endpoint& node : reply.closer_nodes) {
        if (!is_usable_node(node) || id_of(node) == table_.self()) continue;
        if (!offer(node, from)) break;
    }
    run();
}

void Query::on_slow(const Endpoint& from) {
    const auto visit = in_flight_.find(from);
    if (finished_ || visit == in_flight_.end() || visit->second.timeouts == overdue_timeouts)
        return;
    const unsigned timeouts = ++visit->second.timeouts;
    if (timeouts == 1) ++slow_;
    if (timeouts == overdue_timeouts) ++overdue_;
    run();
}

void Query::on_silent(const Endpoint& from) {
    for (unsigned i = 0; i < overdue_timeouts; ++i) on_slow(from);
}

void Query::on_failed(const Endpoint& from) {
    if (finished_ || !in_flight_.contains(from)) return;
    Seen& seen = seen_[from];
    seen.state = State::down;
    for (const Endpoint& referrer : seen.referrers) down_hints_.push_back({referrer, from});
    seen.referrers.clear();
    ++errors_;
    ended(from);
    run();
}

std::vector<Query::Overdue> Query::overdue() const {
    std::vector<Overdue> nodes;
    for (const auto& [node, visit] : in_flight_)
        if (visit.timeouts >= overdue_timeouts) nodes.push_back({node, seen_.at(node).referrers});
    return nodes;
}

std::optional<Endpoint> Query::next_visit() {
    if (visits_.empty()) return std::nullopt;
    const Endpoint visit = visits_.front();
    visits_.pop_front();
    return visit;
}

std::optional<Query::DownHint> Query::next_down_hint() {
    if (down_hints_.empty()) return std::nullopt;
    const DownHint hint = down_hints_.front();
    down_hints_.pop_front();
    return hint;
}

}  // namespace kp2p::proto::dht
