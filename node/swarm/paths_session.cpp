#include "node/swarm/paths_session.hpp"

#include <utility>

#include "node/async/tasks.hpp"
#include "node/async/timeout.hpp"
#include "proto/errc.hpp"
#include "proto/outcome.hpp"

namespace kp2p {
namespace {

// How soon the peer hears that our addresses have changed, if nobody says that they may have.
constexpr std::chrono::seconds tell_interval{15};
// A peer that says more has nothing to say to us.
constexpr std::chrono::seconds min_interval{1};

}  // namespace

PathsSession::PathsSession(PathsParts parts, std::shared_ptr<Connection> connection)
    : parts_(std::move(parts)), connection_(std::move(connection)) {}

// The peer may have seen our proof before we see its own: what it says then waits for run().
void PathsSession::accept() {
    connection_->on_open(proto::paths_protocol,
                         [](const RemoteOpen& open) { return open.name.id.empty(); });
}

Task<> PathsSession::run() {
    auto trusted = co_await connection_->trusted();
    if (!trusted) co_return;
    auto channel = co_await connection_->open(proto::paths_protocol, ByteVector(), ByteVector());
    if (!channel) co_return;  // it does not know what that is
    auto done = co_await with_tasks([&](Tasks& all) -> Task<> {
        all.spawn(tell_loop(*channel));
        all.spawn(hear_loop(*channel, all));
        co_return;
    });
    (void)done;  // it ends with the channel
}

Task<> PathsSession::tell_loop(std::shared_ptr<MuxChannel> channel) {
    bool relays_told = parts_.relays.empty();
    bool labelled = !parts_.label;
    for (Candidates told; !channel->is_closed();) {
        Candidates own = parts_.own();
        const auto trusted = [this] { return parts_.is_member(connection_->remote()); };
        if (own != told && trusted()) {
            const proto::Encoded message = proto::encode(own);
            auto sent = co_await channel->send(message.type, message.payload);
            if (!sent) co_return;
            told = std::move(own);
        }
        if (trusted() && !std::exchange(relays_told, true)) {
            auto sent = co_await tell_relays(*channel);
            if (!sent) co_return;
        }
        if (trusted() && !std::exchange(labelled, true)) {
            const proto::Encoded message = proto::encode(*parts_.label);
            auto sent = co_await channel->send(message.type, message.payload);
            if (!sent) co_return;
        }
        auto slept = co_await parts_.clock.sleep_for(min_interval);
        if (!slept) co_return;
        const bool member = parts_.is_member(connection_->remote());
        if (member && parts_.own() != told) continue;
        auto woken = co_await with_timeout(parts_.clock, tell_interval, parts_.own_changed.wait());
        if (!woken && woken.error() == asio::error::operation_aborted) co_return;
    }
}

Task<Result<void>> PathsSession::tell_relays(MuxChannel& channel) {
    const proto::Encoded message = proto::encode_relay_urls(parts_.relays);
    co_return co_await channel.send(message.type, message.payload);
}

Result<void> PathsSession::hear(std::uint64_t type, ByteView payload) {
    const bool trusted = parts_.is_member(connection_->remote());
    auto candidates = proto::decode_candidates(type, payload);
    if (candidates) {
        if (trusted) parts_.heard(*std::move(candidates));
        return ok;
    }
    if (candidates.error() != proto::Errc::unknown_type) return candidates.error();
    auto urls = proto::decode_relay_urls(type, payload);
    if (urls) {
        if (trusted && parts_.heard_relays) parts_.heard_relays(*std::move(urls));
        return ok;
    }
    if (urls.error() != proto::Errc::unknown_type) return urls.error();
    auto label = proto::decode_label(type, payload);
    if (label && trusted && parts_.called) parts_.called(*std::move(label));
    if (!label && label.error() != proto::Errc::bad_text) return label.error();
    return ok;
}

Task<> PathsSession::hear_loop(std::shared_ptr<MuxChannel> channel, Tasks& all) {
    for (;;) {
        auto message = co_await channel->receive();
        if (!message) break;
        auto heard = hear(message->type, message->payload);
        if (!heard && heard.error() != proto::Errc::unknown_type) {
            channel->close();
            break;
        }
        auto slept = co_await parts_.clock.sleep_for(min_interval);
        if (!slept) co_return;
    }
    all.cancel();
}

}  // namespace kp2p
