#include "node/dht/departure.hpp"

#include "proto/compact.hpp"

namespace kp2p {
namespace {

// Those who name a node to others are those near it.
constexpr std::size_t told_at_most = 20;

}  // namespace

void depart(Dht& dht) {
    Rpc& rpc = dht.rpc();
    const auto& table = rpc.node().table();
    const auto own = dht.sampled_address();
    if (!dht.persistent() || !own || proto::dht::id_of(*own) != table.self()) return;
    for (const Endpoint& node : table.closest(table.self(), told_at_most)) {
        proto::dht::Ask ask;
        ask.from = rpc.node().default_socket();
        ask.to = node;
        ask.command = proto::dht::InternalCommand::down_hint;
        ask.value = proto::Writer().addr4(*own).take();
        // Nobody waits for the answer.
        (void)rpc.start(std::move(ask), [](const proto::dht::RequestEvent&) {});
    }
    rpc.port(proto::dht::SocketId::server)->on_rpc(nullptr);
}

}  // namespace kp2p
