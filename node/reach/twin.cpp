#include "node/reach/twin.hpp"

#include <algorithm>

#include "node/async/timeout.hpp"
#include "node/reach/tcp_handshake.hpp"
#include "proto/report/advice.hpp"

namespace kp2p {
namespace {

constexpr std::size_t max_sent = 64;
constexpr std::chrono::seconds tcp_limit{10};

}  // namespace

Task<> Twin::greet_through(Endpoint node) {
    const NodeId& own = keys_.public_key();
    proto::Noise noise = noise_initiator(runtime_.random, keys_, own);
    NoisePayload payload;  // of one that wants no stream
    payload.secret_stream_version = 1;
    auto message = noise.write(payload.encode());
    if (!message) co_return;
    sent(*message);
    const auto target = proto::dht::target_of(own);
    auto reply = co_await dht_.peer_handshake(node, target, *std::move(message));
    if (!reply) co_return;
    if (noise.read(reply->noise)) seen(reply->server.text());
}

Task<> Twin::greet_at(ByteStreams& streams, Endpoint place) {
    auto stream = co_await with_timeout(runtime_.clock, tcp_limit, streams.connect(place));
    if (!stream) co_return;
    auto greeting = greet_over(**stream, runtime_.random, keys_, keys_.public_key(), this);
    auto keys = co_await with_timeout(runtime_.clock, tcp_limit, std::move(greeting));
    (*stream)->destroy();
    if (keys) seen(place.text());
}

void Twin::sent(ByteView message) {
    if (sent_.size() >= max_sent) sent_.pop_front();
    sent_.push_back(proto::blake2b_256(message));
}

bool Twin::is_ours(ByteView message) const {
    return std::ranges::find(sent_, proto::blake2b_256(message)) != sent_.end();
}

void Twin::seen(const std::string& at) {
    const bool known = !place().empty();
    place_ = at;
    seen_at_ = runtime_.clock.now();
    if (known) return;
    const Finding twin{.code = Finding::Code::same_key, .what = at};
    runtime_.log("swarm",
                 log_text_of(twin) + "; " + std::string(advice_of(Finding::Code::same_key)));
}

std::string Twin::place() const {
    return runtime_.clock.now() - seen_at_ < memory ? place_ : std::string();
}

}  // namespace kp2p
