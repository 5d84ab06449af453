#include "node/udx/udx_relay.hpp"

namespace kp2p {
namespace {

constexpr std::size_t id_offset = 4;

}  // namespace

UdxRelay::UdxRelay(UdxContext& context, const std::array<std::uint32_t, 2>& ids, Gate gate)
    : context_(context), gate_(std::move(gate)), last_packet_(context.clock_.now()) {
    for (std::size_t end = 0; end < ends_.size(); ++end) {
        ends_[end].theirs = ids[end];
        ends_[end].ours = context_.add(*this, end);
    }
}

UdxRelay::~UdxRelay() {
    for (const End& end : ends_) context_.remove_relayed(end.ours);
}

void UdxRelay::receive(std::size_t number, Datagrams& socket, const Datagram& datagram,
                       std::uint8_t flags) {
    End& from = ends_[number];
    End& to = ends_[1 - number];
    if (from.socket != &socket || from.remote != datagram.from) {
        if (!gate_.knows(number, datagram.from.host)) return;
        from.socket = &socket;
        from.remote = datagram.from;
        last_packet_ = context_.now();
        for (const ByteVector& bytes : std::exchange(to.waiting, {})) forward(from, bytes);
        to.waiting_bytes = 0;
    }
    last_packet_ = context_.now();
    if (flags & proto::udx::flag::destroy) over_ = true;
    if (to.socket) return forward(to, datagram.bytes);
    const std::size_t size = datagram.bytes.size();
    if (from.waiting.size() >= max_waiting_packets || from.waiting_bytes + size > max_waiting_bytes)
        return void(counts_.lost++);
    from.waiting.emplace_back(datagram.bytes.begin(), datagram.bytes.end());
    from.waiting_bytes += size;
}

void UdxRelay::forward(End& to, ByteView bytes) {
    if (!gate_.pay(bytes.size())) return void(counts_.lost++);
    outgoing_.assign(bytes.begin(), bytes.end());
    for (std::size_t i = 0; i < sizeof to.theirs; ++i)
        outgoing_[id_offset + i] = static_cast<std::uint8_t>(to.theirs >> 8 * i);
    to.socket->send(to.remote, outgoing_);
    counts_.packets++;
    counts_.bytes += bytes.size();
}

void UdxRelay::forget(const Datagrams& socket) {
    for (End& end : ends_)
        if (end.socket == &socket) end.socket = nullptr;
}

}  // namespace kp2p
