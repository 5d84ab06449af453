#include "node/relay_server/relay_port.hpp"

#include "node/async/tasks.hpp"
#include "node/async/timeout.hpp"

namespace kp2p {

using namespace proto::tunnel;

RelayPort::RelayPort(Runtime& runtime, std::unique_ptr<UdpSocket> socket,
                     const Policy::Limits& limits)
    : runtime_(runtime),
      socket_(std::move(socket)),
      policy_(runtime.clock.now(), limits),
      key_(runtime.random.bytes<Key>()),
      alone_since_(runtime.clock.now()),
      changed_(runtime.executor) {}

Task<> RelayPort::run() {
    auto body = [this](Tasks& tasks) -> Task<> {
        tasks.spawn(pass_on_what_arrives());
        auto waited = co_await wait_while_kept();
        if (waited) tasks.cancel();
    };
    (void)co_await with_tasks(body);
}

Task<Result<void>> RelayPort::wait_while_kept() {
    while (!given_back_) {
        const auto left = alone_since_ + kept_after_client - runtime_.clock.now();
        if (!link_ && left <= Clock::Span::zero()) break;
        const auto wait = link_ ? Clock::Span(kept_after_client) : left;
        auto woken = co_await with_timeout(runtime_.clock, wait, changed_.wait());
        if (!woken && woken.error() != Errc::timed_out) co_return woken;
    }
    co_return ok;
}

Task<> RelayPort::pass_on_what_arrives() {
    for (;;) {
        auto batch = co_await socket_->receive();
        if (!batch) co_return;
        const auto now = runtime_.clock.now();
        for (const Datagram& datagram : *batch)
            if (policy_.may_arrive(now, datagram.from, datagram.bytes.size()) && link_)
                link_->send(DatagramFrame{datagram.from, datagram.bytes});
        co_await asio::post(asio::use_awaitable);  // others have their turn
    }
}

void RelayPort::attach(FrameLink& link) {
    if (link_) link_->finish(End::Code::replaced);
    link_ = &link;
    changed_.notify_all();
}

void RelayPort::detach(const FrameLink& link) {
    if (link_ != &link) return;
    link_ = nullptr;
    alone_since_ = runtime_.clock.now();
    changed_.notify_all();
}

void RelayPort::take(const Frame& frame) {
    if (const auto* end = std::get_if<End>(&frame); end && end->code == End::Code::stopping) {
        given_back_ = true;
        changed_.notify_all();
    }
    const auto* datagram = std::get_if<DatagramFrame>(&frame);
    if (!datagram || datagram->bytes.size() > max_datagram_bytes) return;
    if (!policy_.may_leave(runtime_.clock.now(), datagram->peer, datagram->bytes.size())) return;
    if (datagram->ttl > 0)
        socket_->send_with_ttl(datagram->peer, datagram->bytes, datagram->ttl);
    else
        socket_->send(datagram->peer, datagram->bytes);
}

}  // namespace kp2p
