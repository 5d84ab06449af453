#include "node/udx/udp_port.hpp"

#include "node/udx/udx_context.hpp"

namespace kp2p {

UdpPort::UdpPort(std::unique_ptr<Datagrams> socket, UdxContext& context)
    : socket_(std::move(socket)), context_(context) {}

UdpPort::~UdpPort() { context_.forget(*socket_); }

void UdpPort::dispatch(const Datagram& datagram) {
    if (context_.receive(*socket_, datagram)) return;
    const Handler& handler = datagram.bytes.size() <= 1 ? on_probe_ : on_rpc_;
    if (handler) handler(*this, datagram);
}

Task<> UdpPort::read_loop() {
    for (;;) {
        auto batch = co_await socket_->receive();
        if (!batch) co_return;
        for (const Datagram& datagram : *batch) dispatch(datagram);
        context_.flush();
        // A flood of datagrams must not keep timers and other coroutines from running.
        co_await asio::post(asio::use_awaitable);
    }
}

}  // namespace kp2p
