// What a persistent node keeps for others: routes to announced servers, topic records, refresh
// tokens, mutable and immutable records. All in memory, all bounded in bytes, all with an age.
// Source: npm hyperdht 6.34.0 (lib/persistent.js); sizes are ours, lifetimes are the reference's.
#pragma once

#include "proto/dht/table/cache.hpp"
#include "proto/dht/table/topic_records.hpp"
#include "proto/dht/wire/rpc.hpp"

namespace kp2p::proto::dht {

struct Route {       // how to reach a server that announced itself through us
    Endpoint relay;  // the announcer's own address
    PeerRecord record;
};

class Storage {
  public:
    static constexpr std::size_t max_record_relays = 3;
    static constexpr std::chrono::milliseconds max_bump_ahead{60000};

    Storage(Time now, std::uint64_t seed);

    struct Announced {
        DhtId target;
        PeerRecord record;
        Endpoint from;
        std::optional<Refresh> refresh;
        std::uint64_t bump = 0;  // already checked against the clock
    };
    // `record` names the target itself: a route; else a topic record.
    void announce(Time now, const Announced& announced);
    void unannounce(const DhtId& target, const NodeId& key);
    // Renews what was announced with the hash of this token. False if there is no such thing.
    bool refresh(Time now, const Refresh& token, const Endpoint& from);

    const Route* route(Time now, const DhtId& target);  // valid until the next call
    std::vector<PeerRecord> records(Time now, const DhtId& target, std::size_t count);
    std::uint64_t bump(Time now, const DhtId& target);

    // rpc_ok, rpc_seq_reused or rpc_seq_too_low. The signature has been verified.
    std::uint64_t put_mutable(Time now, const DhtId& target, const MutablePut& put);
    const MutableReply* mutable_record(Time now, const DhtId& target);
    void put_immutable(Time now, const DhtId& target, ByteVector value);
    const ByteVector* immutable_record(Time now, const DhtId& target);

  private:
    struct Renewal {
        DhtId target;
        PeerRecord record;
    };
    void store(Time now, const DhtId& target, const PeerRecord& record, const Endpoint& from);

    GenerationCache<DhtId, Route, BytesHash> routes_;
    TopicRecords records_;
    GenerationCache<DhtId, std::uint64_t, BytesHash> bumps_;
    GenerationCache<Refresh, Renewal, BytesHash> renewals_;
    GenerationCache<DhtId, MutableReply, BytesHash> mutables_;
    GenerationCache<DhtId, ByteVector, BytesHash> immutables_;
};

}  // namespace kp2p::proto::dht
