#include "node/reach/socket_pool.hpp"

#include "node/async/tasks.hpp"
#include "proto/outcome.hpp"

namespace kp2p {
namespace {

// As long as the last words of streams are repeated.
constexpr std::chrono::seconds after_stream{6};

}  // namespace

PunchSocket::~PunchSocket() {
    state_->on_probe = nullptr;
    state_->released = true;
    state_->changed.notify_all();
}

SocketPool::SocketPool(Runtime& runtime, Dht& dht, UdxContext& udx, Open open)
    : runtime_(runtime),
      dht_(dht),
      udx_(udx),
      open_(std::move(open)),
      budget_(runtime.clock.now()) {}

Task<> SocketPool::run() {
    auto done = co_await with_tasks([this](Tasks& all) -> Task<> {
        tasks_ = &all;
        Event never(runtime_.executor);
        for (;;) {
            auto woken = co_await never.wait();
            if (!woken) co_return;
        }
    });
    (void)done;
    tasks_ = nullptr;
}

Result<std::shared_ptr<PunchSocket>> SocketPool::open(const Open& open) {
    if (!tasks_) return Errc::closed;
    if (sockets_.size() >= proto::punch::Budget::max_sockets) return Errc::limit_reached;
    auto socket = open();
    if (!socket) return socket.error();
    auto state = std::make_shared<PunchSocket::State>(runtime_.executor);
    state->port = std::make_unique<UdpPort>(std::move(*socket), udx_);
    state->id = dht_.rpc().attach(*state->port);
    // Through a weak pointer, as the port belongs to the state; and the handler is copied, since it
    // may replace itself.
    state->port->on_probe([weak = std::weak_ptr(state)](UdpPort&, const Datagram& datagram) {
        const auto there = weak.lock();
        if (!there || !there->on_probe) return;
        const auto handler = there->on_probe;
        handler(datagram.from);
    });
    Entry& entry = sockets_[&state->port->socket()];
    entry.state = state;
    auto first = hold(entry);
    tasks_->spawn(serve(state));
    return first;
}

std::shared_ptr<PunchSocket> SocketPool::hold(Entry& entry) {
    auto held = entry.hold.lock();
    if (held) return held;
    held.reset(new PunchSocket(entry.state));
    entry.state->released = false;
    entry.state->held_again = true;
    entry.hold = held;
    return held;
}

std::shared_ptr<PunchSocket> SocketPool::hold(proto::dht::SocketId id) {
    for (auto& [socket, entry] : sockets_)
        if (entry.state->id == id) return hold(entry);
    return nullptr;
}

Task<> SocketPool::serve(std::shared_ptr<PunchSocket::State> state) {
    auto done = co_await with_tasks([&](Tasks& all) -> Task<> {
        all.spawn(state->port->read_loop());
        for (bool waited = false; !state->released || (state->carries_stream && !waited);) {
            Result<void> woken;
            waited = state->released;
            if (waited) {
                state->held_again = false;
                woken = co_await runtime_.clock.sleep_for(after_stream);
                waited = !state->held_again;  // another stream may have been there meanwhile
            } else {
                woken = co_await state->changed.wait();
            }
            if (!woken) co_return;
        }
        all.cancel();
    });
    (void)done;
    sockets_.erase(&state->port->socket());
    dht_.rpc().detach(state->id);
}

UdxPath SocketPool::keeping(UdxPath path) {
    const auto found = sockets_.find(path.socket);
    if (found == sockets_.end()) return path;
    const auto held = hold(found->second);
    held->carries_stream();
    path.keeper = held;
    return path;
}

}  // namespace kp2p
