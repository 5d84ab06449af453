#include "node/net/interface_watch.hpp"

#include <algorithm>
#include <asio/ip/udp.hpp>
#include <utility>

#include "node/net/address.hpp"
#include "node/net/interfaces.hpp"
#include "proto/outcome.hpp"

namespace kp2p {
namespace {

// Connecting a UDP socket sends nothing.
std::optional<Host> way_out(Executor executor) {
    asio::ip::udp::socket socket(executor);
    std::error_code error;
    socket.connect({asio::ip::make_address_v4("192.0.2.1"), 9}, error);
    if (error) return std::nullopt;
    const auto local = socket.local_endpoint(error);
    if (error || local.address().is_unspecified()) return std::nullopt;
    return from_address(local.address());
}

}  // namespace

Whereabouts whereabouts(Executor executor) {
    Whereabouts now{interface_hosts(), way_out(executor)};
    std::ranges::sort(now.hosts);
    return now;
}

InterfaceWatch::InterfaceWatch(Clock& clock, Look look, Hint hint)
    : clock_(clock),
      look_(std::move(look)),
      hint_(std::move(hint)),
      seen_(look_()),
      last_way_out_(seen_.way_out) {}

Task<Result<InterfaceWatch::Change>> InterfaceWatch::changed() {
    for (;;) {
        auto hinted = co_await hint_();
        if (!hinted) co_return hinted.error();
        auto slept = co_await clock_.sleep_for(settle_span);
        if (!slept) co_return slept.error();
        Whereabouts now = look_();
        if (now == std::exchange(seen_, now)) continue;
        // Who was away for a moment and is back where it was has not moved.
        const bool moved = now.way_out && now.way_out != last_way_out_;
        if (now.way_out) last_way_out_ = now.way_out;
        co_return moved ? Change::way_out : Change::some;
    }
}

std::unique_ptr<InterfaceWatch> machine_interfaces(Executor executor, Clock& clock) {
    return std::make_unique<InterfaceWatch>(
        clock, [executor] { return whereabouts(executor); }, interface_hint(executor, clock));
}

}  // namespace kp2p
