#include "node/discover/announcer.hpp"

#include <algorithm>
#include <utility>

#include "node/async/tasks.hpp"
#include "node/async/timeout.hpp"
#include "proto/dht/wire/signatures.hpp"

namespace kp2p {

using namespace proto::dht;

namespace {

constexpr auto ping_interval = std::chrono::seconds(3);
constexpr int pings_per_round = 100;
constexpr std::size_t min_active = 3;
// Of relays that see us elsewhere; a single one may lie.
constexpr std::size_t believed_witnesses = 2;
constexpr auto min_stay = std::chrono::seconds(10);  // what two liars can make us ask is bounded
constexpr auto retry_without_relays = std::chrono::seconds(3);

}  // namespace

Announcer::Announcer(Dht& dht, proto::KeyPair keys)
    : dht_(dht),
      keys_(std::move(keys)),
      target_(target_of(keys_.public_key())),
      changed_(dht.rpc().executor()),
      hurried_(dht.rpc().executor()) {}

Task<> Announcer::run() {
    for (;;) {
        auto announced = co_await round();
        if (!announced && announced.error() == asio::error::operation_aborted) co_return;
        round_ended();
        if (std::exchange(moved_, false) && on_moved_) on_moved_();
        auto kept = co_await keep_alive();
        if (!kept) co_return;
    }
}

Task<Result<void>> Announcer::round() {
    QuerySpec spec;
    spec.command = Command::find_peer;
    spec.target = target_;
    spec.seeds = seeds_;
    Result<QueryEnd> end;
    auto ran = co_await with_tasks([&](Tasks& all) -> Task<> {
        QueryRunner::OnQuiet on_quiet = [&](const QueryEnd& so_far) {
            if (relays_.empty()) all.spawn(announce_early(so_far));
            return false;
        };
        end = co_await dht_.queries().run(std::move(spec), nullptr, std::move(on_quiet));
    });
    if (!ran) co_return ran;
    if (!end) co_return end.error();
    seeds_ = end->closest_addresses();
    co_return co_await announce_at(std::move(*end));
}

// Nobody reaches us before, and a round takes long where nodes have died.
Task<> Announcer::announce_early(QueryEnd so_far) {
    auto announced = co_await announce_at(std::move(so_far));
    if (announced && !relays_.empty()) round_ended();
}

void Announcer::round_ended() {
    tried_ = true;
    changed_.notify_all();
}

Task<Result<void>> Announcer::announce_at(QueryEnd end) {
    std::vector<Ask> asks;
    std::vector<NoisePayload::Relay> candidates;
    for (const QueryReply& node : end.closest) {
        if (!node.reply.token || asks.size() == max_relays) continue;
        if (node.reply.value && on_held_) on_held_(node.from);
        const AnnounceScope scope{target_, *node.id, *node.reply.token};
        Ask ask;
        ask.from = dht_.default_socket();
        ask.to = node.from;
        ask.command = Command::announce;
        ask.target = target_;
        ask.token = node.reply.token;
        ask.value = signed_announce(AnnounceKind::announce, scope, keys_, {});
        asks.push_back(std::move(ask));
        candidates.push_back({node.from, node.reply.to});
    }
    announced_on_ = dht_.default_socket();
    announced_after_ = dht_.moves();
    std::vector<NoisePayload::Relay> relays;
    auto accepted = [&](std::size_t i, const Reply& reply) {
        if (reply.error == rpc_ok) relays.push_back(candidates[i]);
    };
    auto enough = [&](const Rpc::Progress& progress) {
        return !relays.empty() && progress.overdue == progress.under_way;
    };
    auto answered = co_await dht_.rpc().request_until(std::move(asks), accepted, enough);
    if (!answered) co_return answered.error();

    std::vector<Endpoint> dropped;
    for (const auto& old : relays_)
        if (std::none_of(relays.begin(), relays.end(),
                         [&](const auto& relay) { return relay.relay == old.relay; }))
            dropped.push_back(old.relay);
    relays_ = std::move(relays);
    std::rotate(rounds_.begin(), rounds_.end() - 1, rounds_.end());
    rounds_[0].clear();
    for (const auto& relay : relays_) rounds_[0].push_back(relay.relay);
    co_return co_await unannounce_at(std::move(dropped));
}

Task<Result<void>> Announcer::keep_alive() {
    Clock& clock = dht_.rpc().clock();
    for (int i = 0; i < pings_per_round && !relays_.empty(); ++i) {
        if (announced_on_ != dht_.default_socket()) co_return ok;
        if (announced_after_ != dht_.moves()) co_return ok;
        std::vector<Ask> pings;
        for (const auto& relay : relays_) {
            Ask ping;
            ping.from = dht_.default_socket();
            ping.to = relay.relay;
            pings.push_back(std::move(ping));
        }
        std::size_t elsewhere = 0;
        auto heard = [&](std::size_t at, const Reply& reply) {
            if (reply.to != relays_[at].peer) ++elsewhere;
        };
        auto answered = co_await dht_.rpc().request_all(std::move(pings), heard);
        if (!answered) co_return answered.error();
        const bool believed = elsewhere > 0 && elsewhere >= std::min(*answered, believed_witnesses);
        if (believed && (!moved_at_ || clock.now() - *moved_at_ >= min_stay)) {
            moved_ = true;
            moved_at_ = clock.now();
            dht_.moved();
            co_return ok;
        }
        if (*answered < std::min(relays_.size(), min_active)) co_return ok;
        auto woken = co_await with_timeout(clock, clock.about(ping_interval), hurried_.wait());
        if (!woken && woken.error() == asio::error::operation_aborted) co_return woken;
    }
    if (!relays_.empty()) co_return ok;
    // Nobody to announce at: somebody may be found soon, but not by asking all the time.
    auto slept = co_await clock.sleep_for(retry_without_relays);
    co_return slept;
}

Task<Result<void>> Announcer::unannounce() {
    std::vector<Endpoint> nodes;
    for (const auto& relay : relays_) nodes.push_back(relay.relay);
    relays_.clear();
    co_return co_await unannounce_at(std::move(nodes));
}

Task<Result<void>> Announcer::unannounce_at(std::vector<Endpoint> nodes) {
    co_return co_await with_tasks([&](Tasks& all) -> Task<> {
        for (const Endpoint& node : nodes) all.spawn(take_back(node));
        co_return;
    });
}

// Whoever stops has no time to wait for others that do not answer.
Task<> Announcer::take_back(Endpoint node) {
    Ask find;
    find.from = dht_.default_socket();
    find.to = node;
    find.command = Command::find_peer;
    find.target = target_;
    auto found = co_await dht_.rpc().request(std::move(find));
    if (!found) co_return;
    const auto id = verified_id(found->id, node);
    if (!id || !found->token || !found->value) co_return;
    const AnnounceScope scope{target_, *id, *found->token};
    Ask ask;
    ask.from = dht_.default_socket();
    ask.to = node;
    ask.command = Command::unannounce;
    ask.target = target_;
    ask.token = found->token;
    ask.value = signed_announce(AnnounceKind::unannounce, scope, keys_, {});
    (void)co_await dht_.rpc().request(std::move(ask));
}

std::vector<Endpoint> Announcer::relay_addresses() const {
    std::vector<Endpoint> addresses;
    if (const auto own = dht_.remote_address()) addresses.push_back(*own);
    for (const auto& relay : relays_)
        if (addresses.size() < max_relays) addresses.push_back(relay.relay);
    return addresses;
}

bool Announcer::is_relay(const Endpoint& address) const {
    return std::any_of(rounds_.begin(), rounds_.end(), [&](const auto& round) {
        return std::find(round.begin(), round.end(), address) != round.end();
    });
}

Task<Result<void>> Announcer::announced() {
    while (!tried_) {
        auto woken = co_await changed_.wait();
        if (!woken) co_return woken;
    }
    co_return ok;
}

}  // namespace kp2p
