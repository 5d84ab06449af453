// Dht: what it does for its user: find, announce, store, and ask others to pass things on.
#include <set>
#include <utility>

#include "node/async/tasks.hpp"
#include "node/dht/dht.hpp"
#include "proto/compact.hpp"
#include "proto/dht/wire/signatures.hpp"

namespace kp2p {

using namespace proto::dht;

namespace {

QuerySpec spec_of(Command command, const DhtId& target, std::vector<Endpoint> seeds) {
    QuerySpec spec;
    spec.command = command;
    spec.target = target;
    spec.seeds = std::move(seeds);
    return spec;
}

// The records in a reply to LOOKUP; what does not decode is none.
std::vector<PeerRecord> peers_in(const QueryReply& reply) {
    if (!reply.reply.value) return {};
    auto decoded = LookupReply::decode(*reply.reply.value);
    if (!decoded) return {};
    return std::move(decoded->peers);
}

QueryRunner::OnReply peers_to(Dht::FoundPeer found) {
    return [found = std::move(found)](const QueryReply& reply) {
        for (const PeerRecord& peer : peers_in(reply))
            if (found) found(peer);
    };
}

}  // namespace

Task<Result<QueryEnd>> Dht::lookup(Topic topic, std::vector<Endpoint> seeds, FoundPeer found) {
    QuerySpec spec = spec_of(Command::lookup, target_of(topic), std::move(seeds));
    auto end = co_await queries_.run(std::move(spec), peers_to(std::move(found)));
    co_return end;
}

Task<Result<QueryEnd>> Dht::announce(Topic topic, Announcing announcing, FoundPeer found) {
    const DhtId target = target_of(topic);
    std::set<Endpoint> asked;
    Result<void> committed = Errc::not_found;
    const auto commit = [&](QueryEnd at) -> Task<> {
        std::erase_if(at.closest,
                      [&](const QueryReply& node) { return !asked.insert(node.from).second; });
        auto relays = co_await announcing.relays();
        QueryRunner::MakeValue make = [&](const QueryReply& node) {
            const AnnounceScope scope{target, *node.id, *node.reply.token};
            return signed_announce(AnnounceKind::announce, scope, announcing.keys, *relays);
        };
        Result<void> done = Errc::not_found;
        if (relays) done = co_await queries_.commit(at, target, Command::announce, make);
        if (!committed) committed = done;
    };
    Result<QueryEnd> end;
    auto ran = co_await with_tasks([&](Tasks& all) -> Task<> {
        // Whoever looks need not wait until the last dead node is known to be one.
        QueryRunner::OnQuiet on_quiet = [&](const QueryEnd& so_far) {
            all.spawn(commit(so_far));
            return false;
        };
        QuerySpec spec = spec_of(Command::lookup, target, std::move(announcing.seeds));
        end =
            co_await queries_.run(std::move(spec), peers_to(std::move(found)), std::move(on_quiet));
        if (end) co_await commit(*end);
    });
    if (!ran) co_return ran.error();
    if (end && !committed) co_return committed.error();
    co_return end;
}

Task<Result<QueryEnd>> Dht::unannounce(Topic topic, proto::KeyPair keys,
                                       std::vector<Endpoint> seeds) {
    const DhtId target = target_of(topic);
    const auto ask_back = [&](const QueryReply& reply) -> std::optional<Ask> {
        const auto peers = peers_in(reply);
        bool listed = peers.size() >= Server::lookup_records;  // ours may be among the rest
        for (const PeerRecord& peer : peers) listed |= peer.key == keys.public_key();
        if (!listed || !reply.id || !reply.reply.token) return {};
        const AnnounceScope scope{target, *reply.id, *reply.reply.token};
        Ask ask;
        ask.from = default_socket();
        ask.to = reply.from;
        ask.command = Command::unannounce;
        ask.target = target;
        ask.token = reply.reply.token;
        ask.value = signed_announce(AnnounceKind::unannounce, scope, keys, {});
        return ask;
    };
    Result<QueryEnd> end;
    auto body = [&](Tasks& all) -> Task<> {
        // At once: whoever stops has no time to wait for nodes that do not answer.
        QueryRunner::OnReply on_reply = [&](const QueryReply& reply) {
            if (auto ask = ask_back(reply)) all.spawn(take_back(*std::move(ask)));
        };
        QuerySpec spec = spec_of(Command::lookup, target, std::move(seeds));
        end = co_await queries_.run(std::move(spec), std::move(on_reply));
    };
    auto ran = co_await with_tasks(body);
    if (!ran) co_return ran.error();
    co_return end;
}

Task<> Dht::take_back(Ask ask) { (void)co_await rpc_.request(std::move(ask)); }

Task<Result<QueryEnd>> Dht::find_peer(NodeId key, FindingPeer finding, FoundRelays found) {
    QueryRunner::OnReply on_reply = [&](const QueryReply& reply) {
        if (!reply.reply.value || !found) return;
        if (auto record = PeerRecord::decode(*reply.reply.value)) found({reply.from, *record});
    };
    QuerySpec spec = spec_of(Command::find_peer, target_of(key), std::move(finding.seeds));
    spec.retries = finding.retries;
    auto end = co_await queries_.run(std::move(spec), std::move(on_reply));
    co_return end;
}

Task<Result<ByteVector>> Dht::immutable_get(DhtId target) {
    std::optional<ByteVector> value;
    QueryRunner::OnReply on_reply = [&](const QueryReply& reply) {
        if (reply.reply.value && target_of_value(*reply.reply.value) == target)
            value = reply.reply.value;
    };
    QuerySpec spec = spec_of(Command::immutable_get, target, {});
    auto end = co_await queries_.run(std::move(spec), std::move(on_reply));
    if (value) co_return std::move(*value);
    if (!end) co_return end.error();
    co_return Errc::not_found;
}

Task<Result<DhtId>> Dht::immutable_put(ByteVector value) {
    const DhtId target = target_of_value(value);
    QuerySpec spec = spec_of(Command::immutable_get, target, {});
    auto end = co_await queries_.run(std::move(spec), nullptr);
    if (!end) co_return end.error();
    QueryRunner::MakeValue make = [&](const QueryReply&) { return value; };
    auto committed = co_await queries_.commit(*end, target, Command::immutable_put, make);
    if (!committed) co_return committed.error();
    co_return target;
}

Task<Result<MutableReply>> Dht::mutable_get(NodeId key, std::uint64_t min_seq) {
    std::optional<MutableReply> newest;
    QueryRunner::OnReply on_reply = [&](const QueryReply& reply) {
        if (!reply.reply.value) return;
        auto record = MutableReply::decode(*reply.reply.value);
        if (!record || record->seq < min_seq || (newest && record->seq <= newest->seq)) return;
        const MutablePut put{key, record->seq, record->value, record->signature};
        if (verify(put)) newest = std::move(*record);
    };
    QuerySpec spec = spec_of(Command::mutable_get, target_of(key), {});
    spec.value = proto::Writer().uint(min_seq).take();
    auto end = co_await queries_.run(std::move(spec), std::move(on_reply));
    if (!end) co_return end.error();
    if (!newest) co_return Errc::not_found;
    co_return std::move(*newest);
}

Task<Result<void>> Dht::mutable_put(MutablePut put) {
    const DhtId target = target_of(put.key);
    QuerySpec spec = spec_of(Command::mutable_get, target, {});
    spec.value = proto::Writer().uint(0).take();
    auto end = co_await queries_.run(std::move(spec), nullptr);
    if (!end) co_return end.error();
    QueryRunner::MakeValue make = [&](const QueryReply&) { return put.encode(); };
    auto committed = co_await queries_.commit(*end, target, Command::mutable_put, make);
    co_return committed;
}

Task<Result<HandshakeReply>> Dht::peer_handshake(SocketId from, Endpoint node, DhtId target,
                                                 ByteVector noise) {
    PeerHandshake message;
    message.noise = std::move(noise);
    Ask ask;
    ask.from = from;
    ask.to = node;
    ask.command = Command::peer_handshake;
    ask.target = target;
    ask.value = message.encode();
    auto reply = co_await rpc_.request(std::move(ask));
    if (!reply) co_return reply.error();
    if (!reply->value) co_return Errc::not_found;
    auto answer = PeerHandshake::decode(*reply->value);
    if (!answer) co_return answer.error();
    if (answer->mode != Mode::reply || answer->noise.empty()) co_return proto::Errc::bad_state;
    HandshakeReply result;
    result.noise = std::move(answer->noise);
    result.server = answer->peer.value_or(node);
    result.client = reply->to;
    result.relayed = answer->peer.has_value();
    result.socket = from;
    co_return result;
}

Task<Result<HolepunchReply>> Dht::peer_holepunch(SocketId from, Endpoint relay, DhtId target,
                                                 PeerHolepunch message) {
    message.mode = Mode::from_client;
    Ask ask;
    ask.from = from;
    ask.to = relay;
    ask.command = Command::peer_holepunch;
    ask.target = target;
    ask.value = message.encode();
    auto reply = co_await rpc_.request(std::move(ask));
    if (!reply) co_return reply.error();
    if (!reply->value) co_return Errc::not_found;
    auto answer = PeerHolepunch::decode(*reply->value);
    if (!answer) co_return answer.error();
    if (answer->mode != Mode::reply || !answer->peer) co_return proto::Errc::bad_state;
    HolepunchReply result;
    result.payload = std::move(answer->payload);
    result.server = *answer->peer;
    result.client = reply->to;
    co_return result;
}

Task<Result<Endpoint>> Dht::ping(SocketId from, Endpoint to, unsigned retries) {
    Ask ask;
    ask.from = from;
    ask.to = to;
    ask.retries = retries;
    auto reply = co_await rpc_.request(std::move(ask));
    if (!reply) co_return reply.error();
    co_return reply->to;
}

}  // namespace kp2p
