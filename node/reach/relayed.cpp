#include "node/reach/relayed.hpp"

#include "node/async/timeout.hpp"

namespace kp2p {
namespace {

using proto::PairSide;
using proto::Role;

constexpr std::chrono::seconds max_pairing{15};
constexpr std::chrono::seconds between_looks{2};
// So often the stream must be seen to go another way: the peer may need the relay a little longer.
constexpr int looks_before_end = 5;
constexpr int max_moves = 5;

}  // namespace

bool needs_relay(Dht& dht) { return !dht.remote_address() && draws_ports(dht); }

std::optional<RelayThrough> offer_relay(Relays& relays, Random& random, const NodeId& for_node) {
    const auto relay = relays.choose(for_node);
    if (!relay) return std::nullopt;
    RelayThrough through;
    through.key = *relay;
    through.token = random.bytes<proto::dht::Token>();
    return through;
}

std::optional<RelayPlan> plan_of(const RelayOffers& offers, Role ours, std::uint32_t stream_id) {
    const bool servers = offers.of_server.has_value();
    const auto& through = servers ? offers.of_server : offers.of_client;
    if (!through) return std::nullopt;
    const bool initiates = servers == (ours == Role::responder);
    RelayPlan plan;
    plan.relay = through->key;
    plan.asked.side = initiates ? PairSide::initiator : PairSide::responder;
    plan.asked.token = proto::RelayToken(through->token.view());
    plan.asked.stream_id = stream_id;
    return plan;
}

Task<Result<RelayLeg>> take_leg(Clock& clock, Relays& relays, RelayPlan plan) {
    auto paired = with_timeout(clock, max_pairing, relays.pair(plan.relay, plan.asked));
    co_return co_await std::move(paired);
}

Task<> keep_leg(Clock& clock, UdxByteStream::Handle stream, std::shared_ptr<void> hold) {
    for (int looks = 0; looks < looks_before_end;) {
        auto slept = co_await clock.sleep_for(between_looks);
        if (!slept || !*stream) break;
        looks = (*stream)->relayed() ? 0 : looks + 1;
    }
    hold.reset();
}

Task<> leave_relay(Clock& clock, UdxByteStream::Handle stream, UdxPath path) {
    for (int moves = 0; moves < max_moves && *stream && (*stream)->relayed(); ++moves) {
        (*stream)->change_remote(path);
        auto slept = co_await clock.sleep_for(between_looks);
        if (!slept) co_return;
    }
}

}  // namespace kp2p
