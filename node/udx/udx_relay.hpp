// UdxRelay: forwards the packets of one UDX stream between its two ends, each of which sends to an
// id of ours. Of a packet nothing is changed but the id; what is in it is the ends' affair. Where
// an end is shows in its packets, and the gate says whether they may come from there: nothing is
// ever sent to another host. Until the other end has shown itself, an end's first packets wait for
// it. Nothing is originated here; the owner ends it when it is over(), or silent for too long.
// Source: npm udx-native 1.21.3 (relayTo), which drops what comes before the other end.
#pragma once

#include <array>
#include <functional>
#include <vector>

#include "node/udx/udx_context.hpp"

namespace kp2p {

class UdxRelay {
  public:
    // Of one end, while the other has not shown itself: a first flight.
    static constexpr std::size_t max_waiting_packets = 8, max_waiting_bytes = 16 * 1024;

    struct Gate {
        std::function<bool(std::size_t end, const Host& host)> knows;
        // Whether so many bytes may be forwarded now; if not, they are lost.
        std::function<bool(std::size_t bytes)> pay;
    };
    struct Counts {
        std::uint64_t packets = 0, bytes = 0, lost = 0;  // forwarded; not
    };

    // The ids that the ends have given themselves.
    UdxRelay(UdxContext& context, const std::array<std::uint32_t, 2>& ids, Gate gate);
    UdxRelay(const UdxRelay&) = delete;
    UdxRelay& operator=(const UdxRelay&) = delete;
    ~UdxRelay();

    std::uint32_t id_for(std::size_t end) const { return ends_[end].ours; }  // it sends to
    bool over() const { return over_; }  // an end has destroyed the stream
    Clock::Time last_packet() const { return last_packet_; }
    const Counts& counts() const { return counts_; }

  private:
    friend class UdxContext;
    struct End {
        std::uint32_t ours = 0, theirs = 0;
        Datagrams* socket = nullptr;  // null: not known yet
        Endpoint remote;
        std::vector<ByteVector> waiting;  // of its packets
        std::size_t waiting_bytes = 0;
    };

    void receive(std::size_t end, Datagrams& socket, const Datagram& datagram, std::uint8_t flags);
    void forward(End& to, ByteView bytes);
    void forget(const Datagrams& socket);

    UdxContext& context_;
    Gate gate_;
    std::array<End, 2> ends_;
    bool over_ = false;
    Clock::Time last_packet_;
    Counts counts_;
    ByteVector outgoing_;
};

}  // namespace kp2p
