// Server: the commands that only a persistent node serves. The request has a target.
#include <utility>

#include "proto/compact.hpp"
#include "proto/dht/node/server.hpp"
#include "proto/dht/wire/signatures.hpp"

namespace kp2p::proto::dht {

bool Server::may_store(const Incoming& in) {
    const Endpoint source = answerable(in.from);
    if (!storing_.has_any(in.now, source)) return false;
    storing_.pay(in.now, source, static_cast<double>(in.request.value->size()));
    return true;
}

void Server::persistent(const Incoming& in, Command command) {
    switch (command) {
        case Command::find_peer:
            return find_peer(in);
        case Command::lookup:
            return lookup(in);
        case Command::announce:
            return announce(in, AnnounceKind::announce);
        case Command::unannounce:
            return announce(in, AnnounceKind::unannounce);
        case Command::mutable_put:
            return mutable_put(in);
        case Command::mutable_get:
            return mutable_get(in);
        case Command::immutable_put:
            return immutable_put(in);
        case Command::immutable_get:
            return immutable_get(in);
        default:
            return;  // no plugin is registered
    }
}

std::optional<PeerRecord> Server::known_record(const Incoming& in) {
    if (const auto own = listening_.find(*in.request.target); own != listening_.end())
        return own->second;
    if (const Route* route = storage_.route(in.now, *in.request.target)) return route->record;
    return std::nullopt;
}

void Server::find_peer(const Incoming& in) {
    const auto record = known_record(in);
    std::optional<ByteVector> value;
    if (record) value = record->encode();
    reply(in, With::token_and_closer_nodes, std::move(value));
}

void Server::lookup(const Incoming& in) {
    LookupReply found;
    found.peers = storage_.records(in.now, *in.request.target, lookup_records);
    if (found.peers.size() < lookup_records)
        if (auto record = known_record(in)) found.peers.push_back(std::move(*record));
    std::optional<ByteVector> value;
    if (!found.peers.empty()) {
        found.bump = storage_.bump(in.now, *in.request.target);
        value = found.encode();
    }
    reply(in, With::token_and_closer_nodes, std::move(value));
}

void Server::announce(const Incoming& in, AnnounceKind kind) {
    const Request& request = in.request;
    if (!request.token || !request.value || !may_store(in)) return;
    auto announce = Announce::decode(*request.value);
    if (!announce) return;
    if (!announce->peer && announce->refresh && kind == AnnounceKind::announce) {
        if (storage_.refresh(in.now, *announce->refresh, in.from)) reply(in, With::nothing);
        return;
    }
    if (!verify(kind, {*request.target, *id_, *request.token}, *announce)) return;
    if (kind == AnnounceKind::announce) {
        const auto unix_now =
            std::chrono::duration_cast<std::chrono::milliseconds>(in.now.time_since_epoch()) +
            unix_offset_;
        const auto latest =
            static_cast<std::uint64_t>((unix_now + Storage::max_bump_ahead).count());
        const std::uint64_t bump = announce->bump <= latest ? announce->bump : 0;
        storage_.announce(in.now,
                          {*request.target, *announce->peer, in.from, announce->refresh, bump});
    } else {
        storage_.unannounce(*request.target, announce->peer->key);
    }
    reply(in, With::nothing);
}

void Server::mutable_put(const Incoming& in) {
    if (!in.request.token || !in.request.value || !may_store(in)) return;
    const auto put = MutablePut::decode(*in.request.value);
    if (!put || target_of(put->key) != *in.request.target || !verify(*put)) return;
    const std::uint64_t code = storage_.put_mutable(in.now, *in.request.target, *put);
    if (code != rpc_ok) return error(in, RpcError(code));
    reply(in, With::token_and_closer_nodes);
}

void Server::mutable_get(const Incoming& in) {
    if (!in.request.value) return;
    Reader reader(*in.request.value);
    const std::uint64_t min_seq = reader.uint();
    if (reader.failed()) return;
    std::optional<ByteVector> value;
    const MutableReply* record = storage_.mutable_record(in.now, *in.request.target);
    if (record && record->seq >= min_seq) value = record->encode();
    reply(in, With::token_and_closer_nodes, std::move(value));
}

void Server::immutable_put(const Incoming& in) {
    if (!in.request.token || !in.request.value || !may_store(in)) return;
    if (target_of_value(*in.request.value) != *in.request.target) return;
    storage_.put_immutable(in.now, *in.request.target, *in.request.value);
    reply(in, With::token_and_closer_nodes);
}

void Server::immutable_get(const Incoming& in) {
    std::optional<ByteVector> value;
    if (const ByteVector* record = storage_.immutable_record(in.now, *in.request.target))
        value = *record;
    reply(in, With::token_and_closer_nodes, std::move(value));
}

}  // namespace kp2p::proto::dht
