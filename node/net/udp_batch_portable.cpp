#include <array>
#include <asio/ip/unicast.hpp>
#include <vector>

#include "node/net/nat64.hpp"
#include "node/net/udp_batch.hpp"

namespace kp2p {

struct UdpBatch::State {
    asio::ip::udp::socket& socket;
    asio::ip::udp protocol;
    std::array<std::uint8_t, 65536> buffer;
    Datagram received;
    std::vector<asio::const_buffer> datagram;
};

const bool UdpBatch::by_handle = false;

UdpBatch::UdpBatch(asio::ip::udp::socket& socket)
    : state_(new State{.socket = socket,
                       .protocol = socket.local_endpoint().protocol(),
                       .buffer = {},
                       .received = {},
                       .datagram = {}}) {}

UdpBatch::~UdpBatch() = default;

std::span<const Datagram> UdpBatch::receive(std::error_code& error) {
    State& s = *state_;
    asio::ip::udp::endpoint from;
    const std::size_t size = s.socket.receive_from(asio::buffer(s.buffer), from, 0, error);
    if (error) return {};
    s.received = {from_asio(from), ByteView(s.buffer).first(size)};
    s.received.from.host = before_nat64(s.received.from.host);
    return {&s.received, 1};
}

void UdpBatch::send(const Endpoint& to, std::span<const ByteView> pieces,
                    std::size_t segment_bytes) {
    State& s = *state_;
    const asio::ip::udp::endpoint address = to_asio(to, s.protocol);
    std::size_t bytes = 0;
    bool sent = false;
    std::error_code ignored;
    s.datagram.clear();
    for (ByteView piece : pieces) {
        while (!piece.empty()) {
            const std::size_t size = std::min(piece.size(), segment_bytes - bytes);
            s.datagram.emplace_back(piece.data(), size);
            piece = piece.subspan(size);
            bytes += size;
            if (bytes < segment_bytes) continue;
            s.socket.send_to(s.datagram, address, 0, ignored);
            s.datagram.clear();
            bytes = 0;
            sent = true;
        }
    }
    if (bytes || !sent) s.socket.send_to(s.datagram, address, 0, ignored);
}

void UdpBatch::send_with_ttl(const Endpoint& to, ByteView bytes, int ttl) {
    asio::ip::udp::socket& socket = state_->socket;
    asio::ip::unicast::hops usual;
    std::error_code ignored;
    socket.get_option(usual, ignored);
    socket.set_option(asio::ip::unicast::hops(ttl), ignored);
    socket.send_to(asio::buffer(bytes.data(), bytes.size()), to_asio(to, state_->protocol), 0,
                   ignored);
    socket.set_option(usual, ignored);
}

std::error_code UdpBatch::refusal() const { return {}; }

// The system fragments as it likes, as it does all others.
void UdpBatch::send_in_fragments(const Endpoint& to, ByteView bytes) {
    send(to, {&bytes, 1}, std::max<std::size_t>(1, bytes.size()));
}

std::size_t UdpBatch::route_mtu_bytes(const Endpoint&) const { return 1500; }

}  // namespace kp2p
