#include "proto/dht/table/storage.hpp"

#include <utility>

#include "proto/dht/wire/signatures.hpp"

namespace kp2p::proto::dht {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

// In all at most 9 MiB, in both generations of everything together with the topic records.
constexpr std::size_t route_bytes = 1 << 20, bump_bytes = 256 << 10, renewal_bytes = 256 << 10;
constexpr std::size_t value_bytes = 512 << 10;
constexpr Span announce_lifetime = seconds(800), value_lifetime = hours(32);

std::size_t relay_bytes(const PeerRecord& record) {
    return record.relays.size() * sizeof(Endpoint);
}

}  // namespace

Storage::Storage(Time now, std::uint64_t seed)
    : routes_(now, {route_bytes, announce_lifetime}),
      records_(now, seed),
      bumps_(now, {bump_bytes, announce_lifetime}),
      renewals_(now, {renewal_bytes, announce_lifetime}),
      mutables_(now, {value_bytes, value_lifetime}),
      immutables_(now, {value_bytes, value_lifetime}) {}

void Storage::store(Time now, const DhtId& target, const PeerRecord& record, const Endpoint& from) {
    if (target_of(record.key) == target) {
        routes_.put(now, target, {from, record}, relay_bytes(record));
        records_.remove(target, record.key);
    } else {
        records_.add(now, target, record);
    }
}

void Storage::announce(Time now, const Announced& announced) {
    PeerRecord record = announced.record;
    if (record.relays.size() > max_record_relays) record.relays.resize(max_record_relays);
    store(now, announced.target, record, announced.from);
    if (announced.bump > bump(now, announced.target))
        bumps_.put(now, announced.target, announced.bump);
    if (announced.refresh)
        renewals_.put(now, *announced.refresh, {announced.target, record}, relay_bytes(record));
}

void Storage::unannounce(const DhtId& target, const NodeId& key) {
    if (target_of(key) == target) routes_.erase(target);
    records_.remove(target, key);
}

bool Storage::refresh(Time now, const Refresh& token, const Endpoint& from) {
    const Refresh known_as = hash_of(token);
    const Renewal* found = renewals_.find(now, known_as);
    if (!found) return false;
    const Renewal renewal = *found;
    renewals_.erase(known_as);
    renewals_.put(now, token, renewal, relay_bytes(renewal.record));
    store(now, renewal.target, renewal.record, from);
    return true;
}

const Route* Storage::route(Time now, const DhtId& target) { return routes_.find(now, target); }

std::vector<PeerRecord> Storage::records(Time now, const DhtId& target, std::size_t count) {
    return records_.sample(now, target, count);
}

std::uint64_t Storage::bump(Time now, const DhtId& target) {
    const std::uint64_t* bump = bumps_.find(now, target);
    return bump ? *bump : 0;
}

std::uint64_t Storage::put_mutable(Time now, const DhtId& target, const MutablePut& put) {
    if (const MutableReply* held = mutables_.find(now, target)) {
        if (put.seq < held->seq) return rpc_seq_too_low;
        if (put.seq == held->seq && put.value != held->value) return rpc_seq_reused;
    }
    mutables_.put(now, target, {put.seq, put.value, put.signature}, put.value.size());
    return rpc_ok;
}

const MutableReply* Storage::mutable_record(Time now, const DhtId& target) {
    return mutables_.find(now, target);
}

void Storage::put_immutable(Time now, const DhtId& target, ByteVector value) {
    const std::size_t bytes = value.size();
    immutables_.put(now, target, std::move(value), bytes);
}

const ByteVector* Storage::immutable_record(Time now, const DhtId& target) {
    return immutables_.find(now, target);
}

}  // namespace kp2p::proto::dht
