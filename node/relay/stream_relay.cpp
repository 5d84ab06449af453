#include "node/relay/stream_relay.hpp"

#include "proto/outcome.hpp"

namespace kp2p {
namespace {

using proto::HalfPairs;
using proto::PairSide;
using Limits = proto::TokenBucket::Limits;

constexpr double mib = 1024 * 1024;
// Bytes a second. What is beyond is lost, from which the ends of a stream learn to send less.
constexpr Limits rate_of_node{4 * mib, 4 * mib}, rate_of_all{16 * mib, 16 * mib};
// Whoever is always relayed can have so much in the long run, and more after a pause.
constexpr Limits volume_of_node{256 * 1024, 4096 * mib};
constexpr std::size_t max_accounts = 1024;
constexpr std::size_t max_unsent_answers = 32;  // to one that does not read them
constexpr std::chrono::seconds upkeep_interval{5};

}  // namespace

StreamRelay::StreamRelay(StreamRelayParts parts)
    : parts_(std::move(parts)), rate_(parts_.runtime.clock.now(), rate_of_all) {}

StreamRelay::~StreamRelay() = default;

Task<> StreamRelay::run() {
    for (;;) {
        auto slept = co_await parts_.runtime.clock.sleep_for(upkeep_interval);
        if (!slept) break;
        const auto now = parts_.runtime.clock.now();
        halves_.expire(now);
        end_where([&](const Pair& pair) {
            const auto silent_for = now - pair.relay->last_packet();
            const bool destroyed = pair.relay->over() && silent_for >= upkeep_interval;
            return destroyed || silent_for >= max_silence || pair.account->volume.left(now) <= 0;
        });
    }
    pairs_.clear();
}

Task<> StreamRelay::serve(std::shared_ptr<Connection> connection,
                          std::shared_ptr<MuxChannel> channel) {
    const SessionId id = ++last_session_;
    const auto session = std::make_shared<Session>(parts_.runtime.executor, connection);
    sessions_.emplace(id, session);
    const auto take = [this, id](const proto::RelayMessage& message) { hear(id, message); };
    co_await session->talk.run(channel, take);
    sessions_.erase(id);
    halves_.remove(id);
    end_where([&](const Pair& pair) { return pair.sessions[0] == id || pair.sessions[1] == id; });
}

void StreamRelay::hear(SessionId id, const proto::RelayMessage& message) {
    if (const auto* asked = std::get_if<proto::RelayPair>(&message)) return pair(id, *asked);
    const auto& token = std::get<proto::RelayUnpair>(message).token;
    halves_.remove(id, token);
    end_where([&](const Pair& pair) {
        return pair.token == token && (pair.sessions[0] == id || pair.sessions[1] == id);
    });
}

void StreamRelay::pair(SessionId id, const proto::RelayPair& asked) {
    const auto& session = *sessions_.at(id);
    const NodeId& node = session.connection->remote();
    HalfPairs::Half half{node, id, HalfPairs::Standing::stranger, asked};
    if (parts_.is_member(node)) half.standing = HalfPairs::Standing::member;
    if (!serves()) return void(past_.refused++);
    const auto outcome = halves_.add(parts_.runtime.clock.now(), half);
    if (outcome.refused) past_.refused++;
    if (!outcome.other) return;
    if (asked.side == PairSide::initiator)
        connect(half, *outcome.other);
    else
        connect(*outcome.other, half);
}

void StreamRelay::connect(const HalfPairs::Half& one, const HalfPairs::Half& other) {
    const bool first_pays = one.standing == HalfPairs::Standing::member;
    Account* account = account_of(first_pays ? one.node : other.node);
    const auto now = parts_.runtime.clock.now();
    const bool allowed = account && account->pairs < max_pairs_of_node &&
                         account->volume.left(now) > 0 && pairs_.size() < max_pairs &&
                         reads(one.session) && reads(other.session);
    if (!allowed) return void(past_.refused++);
    account->pairs++;
    const std::array<SessionId, 2> ids{one.session, other.session};
    UdxRelay::Gate gate;
    gate.knows = [this, ids](std::size_t end, const Host& host) { return knows(ids[end], host); };
    gate.pay = [this, account](std::size_t bytes) { return pay(*account, bytes); };
    const std::array<std::uint32_t, 2> streams{one.asked.stream_id, other.asked.stream_id};
    Pair pair;
    pair.token = one.asked.token;
    pair.sessions = ids;
    pair.account = account;
    pair.relay = std::make_unique<UdxRelay>(parts_.udx, streams, std::move(gate));
    for (std::size_t end : {std::size_t{1}, std::size_t{0}}) {
        Session& session = *sessions_.at(ids[end]);
        pair.holds[end] = session.connection->hold();
        const PairSide side = end == 0 ? PairSide::initiator : PairSide::responder;
        session.talk.say(proto::RelayPair{side, pair.token, pair.relay->id_for(end)});
    }
    pairs_.push_back(std::move(pair));
    past_.all_pairs++;
}

bool StreamRelay::reads(SessionId id) const {
    return sessions_.at(id)->talk.unsent() < max_unsent_answers;
}

// Nobody has forwarded to a host what that host has not asked for: its connection to us has proven
// that it is there.
bool StreamRelay::knows(SessionId id, const Host& host) const {
    const auto session = sessions_.find(id);
    return session != sessions_.end() && session->second->connection->path().remote.host == host;
}

bool StreamRelay::pay(Account& account, std::size_t bytes) {
    const auto now = parts_.runtime.clock.now();
    if (rate_.left(now) <= 0 || account.rate.left(now) <= 0 || account.volume.left(now) <= 0)
        return false;
    for (proto::TokenBucket* bucket : {&rate_, &account.rate, &account.volume})
        bucket->pay(double(bytes));
    return true;
}

// Null if there are too many; those that have none of their volume to win back go first.
StreamRelay::Account* StreamRelay::account_of(const NodeId& node) {
    const auto now = parts_.runtime.clock.now();
    const auto known = accounts_.find(node);
    if (known != accounts_.end()) return &known->second;
    if (accounts_.size() >= max_accounts)
        std::erase_if(accounts_, [&](const auto& entry) {
            proto::TokenBucket volume = entry.second.volume;
            return entry.second.pairs == 0 && volume.left(now) >= volume_of_node.burst;
        });
    if (accounts_.size() >= max_accounts) return nullptr;
    const proto::TokenBucket rate(now, rate_of_node), volume(now, volume_of_node);
    return &accounts_.emplace(node, Account{rate, volume}).first->second;
}

StreamRelay::Pairs::iterator StreamRelay::end(Pairs::iterator pair) {
    pair->account->pairs--;
    const UdxRelay::Counts& counts = pair->relay->counts();
    past_.forwarded.packets += counts.packets;
    past_.forwarded.bytes += counts.bytes;
    past_.forwarded.lost += counts.lost;
    return pairs_.erase(pair);
}

void StreamRelay::end_where(const std::function<bool(const Pair&)>& is_meant) {
    for (auto at = pairs_.begin(); at != pairs_.end();) at = is_meant(*at) ? end(at) : ++at;
}

RelayCounts StreamRelay::counts() const {
    RelayCounts counts = past_;
    counts.serves = serves();
    counts.waiting = halves_.size();
    counts.pairs = pairs_.size();
    for (const Pair& pair : pairs_) {
        counts.forwarded.packets += pair.relay->counts().packets;
        counts.forwarded.bytes += pair.relay->counts().bytes;
        counts.forwarded.lost += pair.relay->counts().lost;
    }
    return counts;
}

}  // namespace kp2p
