#include "node/relay/relay_session.hpp"

#include "node/async/tasks.hpp"
#include "node/async/timeout.hpp"

namespace kp2p {
namespace {

// How soon members hear that we have become a relay.
constexpr std::chrono::seconds offer_interval{15};

ByteVector channel_id_of(const NodeId& client) {
    return {client.view().begin(), client.view().end()};
}

}  // namespace

RelaySession::RelaySession(const Parts& parts, std::shared_ptr<Connection> connection)
    : parts_(parts), connection_(std::move(connection)), changed_(parts.runtime.executor) {
    relay_.name = channel_id_of(connection_->remote());
    client_.name = channel_id_of(parts.own);
}

RelaySession::~RelaySession() { connection_->on_open(proto::blind_relay_protocol, nullptr); }

void RelaySession::accept() {
    connection_->on_open(proto::blind_relay_protocol, [this](const RemoteOpen& open) {
        const bool asks = open.name.id == relay_.name && parts_.server.serves();
        const bool offers = open.name.id == client_.name;
        Role& role = asks ? relay_ : client_;
        if ((!asks && !offers) || role.open) return false;
        role.wanted = true;
        changed_.notify_all();
        return true;
    });
}

void RelaySession::ask() {
    client_.wanted = true;
    changed_.notify_all();
}

Task<> RelaySession::run() {
    auto done = co_await with_tasks([this](Tasks& all) -> Task<> {
        all.spawn(serve_loop());
        all.spawn(offer_loop());
        all.spawn(use_loop());
        auto ended = co_await connection_->closed();
        (void)ended;
        all.cancel();
    });
    (void)done;
}

Task<Result<void>> RelaySession::wanted(Role& role) {
    while (!role.wanted) {
        auto woken = co_await changed_.wait();
        if (!woken) co_return woken;
    }
    co_return ok;
}

Task<> RelaySession::serve_loop() {
    while (!connection_->is_closed()) {
        auto woken = co_await wanted(relay_);
        if (!woken) co_return;
        auto channel =
            co_await connection_->open(proto::blind_relay_protocol, relay_.name, ByteVector());
        if (!channel && channel.error() == asio::error::operation_aborted) co_return;
        relay_.wanted = false;
        relay_.open = static_cast<bool>(channel);
        if (channel) co_await parts_.server.serve(connection_, *channel);
        relay_.open = false;
    }
}

// Once: whoever does not want it now may ask later.
Task<> RelaySession::offer_loop() {
    auto trusted = co_await connection_->trusted();
    if (!trusted) co_return;
    while (!parts_.server.serves() || !parts_.server.is_member(connection_->remote())) {
        auto slept = co_await parts_.runtime.clock.sleep_for(offer_interval);
        if (!slept) co_return;
    }
    if (!relay_.open) relay_.wanted = true;
    changed_.notify_all();
}

Task<> RelaySession::use_loop() {
    while (!connection_->is_closed()) {
        auto woken = co_await wanted(client_);
        if (!woken) co_return;
        // What we want to go through it is asked for along with it.
        auto channel =
            connection_->open_ahead(proto::blind_relay_protocol, client_.name, ByteVector());
        client_.wanted = false;
        client_.open = true;
        co_await parts_.client.attend(connection_, std::move(channel));
        client_.open = false;
    }
}

}  // namespace kp2p
