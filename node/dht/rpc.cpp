#include "node/dht/rpc.hpp"

#include <utility>

namespace kp2p {

using namespace proto::dht;

namespace {

constexpr unsigned overdue_repetitions = 2;  // two transmissions have timed out

}  // namespace

Rpc::Rpc(Executor executor, Clock& clock, const Node::Setup& setup)
    : executor_(executor),
      clock_(clock),
      node_(clock.now(), setup),
      alarm_(clock.alarm(executor, [this] {
          node_.expire(clock_.now());
          pump();
      })) {}

void Rpc::attach(SocketId id, UdpPort& port) {
    ports_[id] = &port;
    port.on_rpc([this, id](UdpPort&, const Datagram& datagram) { receive(id, datagram); });
}

SocketId Rpc::attach(UdpPort& port) {
    const SocketId id{next_socket_++};
    attach(id, port);
    return id;
}

void Rpc::detach(SocketId id) {
    const auto port = ports_.extract(id);
    if (port) port.mapped()->on_rpc(nullptr);
}

UdpPort* Rpc::port(SocketId id) {
    const auto port = ports_.find(id);
    return port == ports_.end() ? nullptr : port->second;
}

void Rpc::receive(SocketId on, const Datagram& datagram) {
    node_.receive(clock_.now(), on, datagram.from, datagram.bytes);
    pump();
}

Result<RequestKey> Rpc::start(Ask ask, Handler handler) {
    if (!ask.to.host.is_v4()) return Errc::cannot_connect;
    const auto id = node_.ask(clock_.now(), std::move(ask));
    if (!id) {
        refused_ = clock_.now();
        return Errc::limit_reached;
    }
    handlers_.emplace(*id, std::move(handler));
    pump();
    return id;
}

void Rpc::cancel(RequestKey id) {
    if (handlers_.erase(id)) node_.cancel(clock_.now(), id);
}

void Rpc::answer(SocketId from, const ForUs<PeerHandshake>& handshake, ByteVector noise) {
    node_.server().answer(from, handshake, std::move(noise));
    pump();
}

void Rpc::answer(SocketId from, const ForUs<PeerHolepunch>& holepunch, ByteVector payload) {
    node_.server().answer(from, holepunch, std::move(payload));
    pump();
}

void Rpc::ask_for_proof(SocketId from, const Endpoint& address) {
    node_.server().budget().ping(clock_.now(), from, address);
    pump();
}

void Rpc::handle(const NodeEvent& event) {
    if (const auto* handshake = std::get_if<ForUs<PeerHandshake>>(&event)) {
        if (on_handshake) on_handshake(*handshake);
    } else if (const auto* holepunch = std::get_if<ForUs<PeerHolepunch>>(&event)) {
        if (on_holepunch) on_holepunch(*holepunch);
    } else {
        const auto& request = std::get<RequestEvent>(event);
        const auto found = handlers_.find(request.id);
        if (found == handlers_.end()) return;
        // The handler may cancel its own request, or start others.
        Handler handler = found->second;
        if (request.kind != RequestEvent::Kind::slow) handlers_.erase(found);
        handler(request);
    }
}

void Rpc::pump() {
    if (std::exchange(pumping_, true)) return;  // a handler's call: the outer one goes on
    for (bool again = true; again;) {
        again = false;
        while (const auto send = node_.next_send())
            if (UdpPort* from = port(send->from)) from->socket().send(send->to, send->bytes);
        if (const auto event = node_.next_event()) {
            handle(*event);
            again = true;
        }
    }
    pumping_ = false;
    if (const auto due = node_.deadline())
        alarm_->set(*due);
    else
        alarm_->clear();
}

void Rpc::start_over() {
    node_.start_over(clock_.now());
    pump();
}

void Rpc::tick() {
    node_.tick(clock_.now());
    pump();
}

Task<Result<Reply>> Rpc::request(Ask ask) {
    Event ended(executor_);
    std::optional<Result<Reply>> outcome;
    auto handler = [&](const RequestEvent& event) {
        if (event.kind == RequestEvent::Kind::slow) return;
        if (event.kind == RequestEvent::Kind::reply)
            outcome.emplace(event.reply);
        else
            outcome.emplace(Errc::timed_out);
        ended.notify_all();
    };
    auto id = start(std::move(ask), handler);
    if (!id) co_return id.error();
    PendingRequest pending(*this, *id);
    while (!outcome) {
        auto woken = co_await ended.wait();
        if (!woken) co_return woken.error();
    }
    co_return std::move(*outcome);
}

Task<Result<std::size_t>> Rpc::request_all(std::vector<Ask> asks, Answered answered) {
    IsEnough never = [](const Progress&) { return false; };
    co_return co_await request_until(std::move(asks), std::move(answered), std::move(never));
}

Task<Result<std::size_t>> Rpc::request_until(std::vector<Ask> asks, Answered answered,
                                             IsEnough is_enough) {
    Event changed(executor_);
    Progress progress;
    std::vector<PendingRequest> pending;
    std::vector<unsigned> repeated(asks.size());
    for (std::size_t i = 0; i < asks.size(); ++i) {
        auto handler = [&, i](const RequestEvent& event) {
            changed.notify_all();
            if (event.kind == RequestEvent::Kind::slow) {
                if (++repeated[i] == overdue_repetitions) ++progress.overdue;
                return;
            }
            --progress.under_way;
            if (repeated[i] >= overdue_repetitions) --progress.overdue;
            if (event.kind == RequestEvent::Kind::failed) return;
            ++progress.replies;
            if (answered) answered(i, event.reply);
        };
        ++progress.under_way;
        const auto id = start(std::move(asks[i]), handler);
        if (id)
            pending.emplace_back(*this, *id);
        else
            --progress.under_way;
    }
    while (progress.under_way && !is_enough(progress)) {
        auto woken = co_await changed.wait();
        if (!woken) co_return woken.error();
    }
    co_return progress.replies;
}

}  // namespace kp2p
