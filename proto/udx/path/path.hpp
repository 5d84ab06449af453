// Path: one way to the peer's end of a stream, and what was learnt of it: how long it takes, how
// much it carries, how large its packets may be. None of this holds for another way. Nobody vouches
// for the source of a packet, so an address that packets came from is first a candidate: until it
// is validated it is sent at most three times as many bytes as came from it.
// Source: RFC 9000, sections 8 and 9.
#pragma once

#include "proto/udx/packet.hpp"
#include "proto/udx/path/bbr.hpp"
#include "proto/udx/path/mtu.hpp"
#include "proto/udx/path/pacer.hpp"
#include "proto/udx/path/rtt.hpp"

namespace kp2p::proto::udx {

struct Remote {
    std::uint32_t id = 0;                                   // the stream's id at the peer
    std::size_t max_mtu_bytes = MtuSearch::internet_bytes;  // of the way there, as far as known
    std::size_t overhead_bytes = packet_overhead_bytes;     // of each packet that goes there
    bool relayed = false;                                   // any other path is better
    bool answered = false;  // by the peer, there: to what it was sent before this
};

struct Path {
    static constexpr std::uint64_t amplification = 3;

    explicit Path(const Remote& remote)
        : remote_id(remote.id),
          overhead_bytes(remote.overhead_bytes),
          relayed(remote.relayed),
          mtu(remote.max_mtu_bytes) {}

    bool may_send(std::size_t bytes) const {
        return validated || sent_bytes + bytes <= amplification * received_bytes;
    }

    std::uint32_t remote_id;
    std::size_t overhead_bytes;
    bool relayed;
    bool validated = false;
    std::uint64_t received_bytes = 0, sent_bytes = 0;  // UDP payload, while not validated
    Time heard_at{}, left_at{};                        // left: no longer the one in use
    Time retry_at{};                                   // a challenge failed
    Time narrowed_at{};        // it may have become narrower than what is out
    bool takes_small = false;  // an empty packet has arrived since then
    RoundTrip rtt;
    DeliveryRate rate;
    Bbr congestion;
    Pacer pacer;
    MtuSearch mtu;
};

}  // namespace kp2p::proto::udx
