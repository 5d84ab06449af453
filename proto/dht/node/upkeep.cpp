#include "proto/dht/node/upkeep.hpp"

#include <algorithm>
#include <random>
#include <utility>

namespace kp2p::proto::dht {
namespace {

constexpr Tick sleep_ticks = 720, check_period = 8, small_table_period = 64;
constexpr std::size_t small_table = 20;

}  // namespace

Upkeep::Upkeep(RoutingTable& table, const Setup& setup)
    : table_(table), max_anonymous_(std::max<std::size_t>(1, setup.bootstrap_nodes)) {
    std::mt19937_64 random(setup.seed);
    now_ = 100 - random() % 50;
    refresh_countdown_ = refresh_ticks - random() % 30;
}

void Upkeep::heard(const Heard& heard) {
    const bool expected = heard.arrival == Arrival::default_socket;
    if (!heard.id) {
        if (expected && anonymous_.size() < max_anonymous_ && anonymous_.insert(heard.from).second)
            sampler_.add(heard.to);
        return;
    }
    TableNode* node = table_.find(*heard.id);
    if (!node) return offer(heard);
    if (expected && (node->sampled == 0 || now_ - node->sampled >= old_ticks)) {
        node->sampled = now_;
        sampler_.add(heard.to);
    }
    node->pinged = node->seen = now_;
    ++node->heard;
    table_.heard(*heard.id);
}

void Upkeep::offer(const Heard& heard) {
    if (*heard.id == table_.self()) return;
    TableNode* node = table_.add(heard.from, now_);
    if (!node) return probe_row(heard.from);
    if (heard.arrival != Arrival::default_socket) return;
    node->sampled = now_;
    sampler_.add(heard.to);
}

void Upkeep::probe_row(const Endpoint& newcomer) {
    if (!bootstrapped_ || probes_ >= max_probes) return;
    const TableNode* oldest = nullptr;
    for (const TableNode* node : table_.row_of(id_of(newcomer))) {
        if (node->pinged == now_) continue;
        if (!oldest ||
            std::pair(node->pinged, node->added) < std::pair(oldest->pinged, oldest->added))
            oldest = node;
    }
    if (!oldest) return;
    if (now_ - oldest->pinged < recent_ticks && now_ - oldest->added > old_ticks) return;
    ++probes_;
    check(*table_.find(oldest->id), Check::Reason::full_row, newcomer);
}

void Upkeep::check(TableNode& node, Check::Reason reason, std::optional<Endpoint> newcomer) {
    node.pinged = now_;
    checks_.push_back({reason, node.id, node.address, newcomer, node.heard});
}

void Upkeep::suspected_down(const DhtId& id, Said by) {
    TableNode* node = table_.find(id);
    if (!node || suspicions_ >= max_suspicions) return;
    if (node->pinged >= now_ && node->down_hints > 0) return;
    ++node->down_hints;
    ++suspicions_;
    node->leaves = by == Said::by_itself;
    check(*node, Check::Reason::suspected_down, std::nullopt);
}

std::optional<Upkeep::Check> Upkeep::next_check() {
    if (checks_.empty()) return std::nullopt;
    const Check check = checks_.front();
    checks_.pop_front();
    return check;
}

void Upkeep::check_ended(const Check& check, Outcome outcome) {
    if (check.reason == Check::Reason::full_row) --probes_;
    if (check.reason == Check::Reason::suspected_down) --suspicions_;
    if (outcome == Outcome::skipped) return;
    const TableNode* node = table_.find(check.node);
    const bool alive = outcome == Outcome::answered && node && node->heard != check.heard_before;
    if (node && !alive) table_.remove(check.node);
    if (!alive && check.newcomer) table_.add(*check.newcomer, now_);
}

void Upkeep::request_failed(const Endpoint& asked) { table_.remove(id_of(asked)); }

void Upkeep::tick(std::size_t requests_in_flight) {
    ++now_;
    if (now_ % check_period == 0) check_oldest(requests_in_flight);
    if (now_ % small_table_period == 0 && table_.size() < small_table) refresh_due_ = true;
    if (refresh_countdown_ == 0 || --refresh_countdown_ == 0) refresh_due_ = true;
}

void Upkeep::check_oldest(std::size_t requests_in_flight) {
    if (table_.size() == 0) {
        refresh_due_ = true;
        return;
    }
    std::size_t count = requests_in_flight > 2 ? 3 : 5;
    if (now_ - table_.oldest(1).front()->pinged < recent_ticks) count = 2;
    for (TableNode* node : table_.oldest(count))
        if (node->pinged != now_) check(*node, Check::Reason::liveness, std::nullopt);
}

bool Upkeep::take_refresh() {
    if (!refresh_due_) return false;
    refresh_due_ = false;
    refresh_countdown_ = refresh_ticks;
    return true;
}

void Upkeep::woke_up() {
    now_ += sleep_ticks;
    now_ += check_period - 1 - now_ % check_period;  // the next tick checks
    refresh_countdown_ = 1;
}

void Upkeep::moved() {
    sampler_ = NatSampler();
    anonymous_.clear();
    for (std::size_t i = 0; i < table_.size(); ++i)
        if (TableNode* node = table_.find(table_.at(i).id)) node->sampled = 0;
    refresh_countdown_ = 1;
}

}  // namespace kp2p::proto::dht
