#include "node/swarm/paths_session.hpp"

#include <vector>

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
    const auto trusted = [this] { return parts_.is_member(connection_->remote()); };
    std::vector<proto::Encoded> once;  // the last is said first
    if (parts_.label) once.push_back(proto::encode(*parts_.label));
    if (!parts_.relays.empty()) once.push_back(proto::encode_relay_urls(parts_.relays));
    for (Candidates told; !channel->is_closed();) {
        Candidates own = parts_.own();
        if (own != told && trusted()) {
            const proto::Encoded message = proto::encode(own);
            auto sent = co_await channel->send(message.type, message.payload);
            if (!sent) co_return;
            told = std::move(own);
        }
        while (!once.empty() && trusted()) {
            auto sent = co_await channel->send(once.back().type, once.back().payload);
            if (!sent) co_return;
            once.pop_back();
        }
        auto slept = co_await parts_.clock.sleep_for(min_interval);
        if (!slept) co_return;
        if (trusted() && parts_.own() != told) continue;
        auto woken = co_await with_timeout(parts_.clock, tell_interval, parts_.own_changed.wait());
        if (!woken && woken.error() == asio::error::operation_aborted) co_return;
    }
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
