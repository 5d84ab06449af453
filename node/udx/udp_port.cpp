#include "node/udx/udp_port.hpp"

#include "node/udx/coalescing.hpp"
#include "node/udx/udx_context.hpp"

namespace kp2p {
namespace {

// A flood of datagrams must not keep timers and other coroutines from running.
constexpr std::size_t max_in_a_row = 16;

}  // namespace

UdpPort::UdpPort(std::unique_ptr<Datagrams> socket, UdxContext& context)
    : socket_(std::move(socket)), context_(context) {}

UdpPort::~UdpPort() { context_.forget(*socket_); }

void UdpPort::dispatch(const Datagram& datagram) {
    if (context_.receive(*socket_, datagram)) return;
    const Handler& handler = datagram.bytes.size() <= 1 ? on_probe_ : on_rpc_;
    if (handler) handler(*this, datagram);
}

Task<> UdpPort::read_loop() {
    Coalescing coalescing;
    std::size_t in_a_row = 0;
    for (;;) {
        auto batch = co_await socket_->receive();
        if (!batch) co_return;
        for (const Datagram& datagram : *batch) dispatch(datagram);
        context_.flush();
        if (coalescing.pays(context_.clock().now(), *batch)) {
            socket_->rest();
            auto paused = co_await context_.clock().sleep_for(Coalescing::pause);
            if (!paused) co_return;
        } else if ((in_a_row += batch->size()) >= max_in_a_row) {
            in_a_row = 0;
            co_await asio::post(asio::use_awaitable);
        }
    }
}

}  // namespace kp2p
