// From a port at a kp2p-relay, as one who is behind that and not where we are.
#include "node/reach/approach.hpp"
#include "node/reach/dialer.hpp"

namespace kp2p {

// By a greeting of its own, and all through one port, which everything that is sent there comes to.
Task<Result<Dialer::Reached>> Dialer::reach_tunnelled(NodeId remote, Finding& failure) {
    const TriedPath tried{TriedPath::Way::tunnelled};
    failure = {.code = Finding::Code::tunnel_failed, .node = remote, .path = tried};
    if (!parts_.open_tunnelled || !parts_.pool) co_return Errc::not_found;
    auto opened = co_await parts_.open_tunnelled(failure.what);
    if (!opened) co_return opened.error();
    std::unique_ptr<Datagrams> port = *std::move(opened);
    const SocketPool::Open open = [&port]() -> Result<std::unique_ptr<Datagrams>> {
        if (!port) return Errc::limit_reached;
        return std::move(port);
    };
    auto stream = std::make_unique<UdxByteStream>(parts_.udx);
    NoisePayload ours = own_payload(parts_.dht, stream->id());
    ours.firewall = proto::dht::Firewall::unknown;
    ours.addresses4.clear();
    Greeting greeting(parts_.runtime, parts_.dht, parts_.keys, remote);
    Findings why;
    auto answered = co_await greeting.run(ours, Greeting::Ways(), why);
    if (!answered) {
        if (!why.empty()) failure = why.all().front();
        failure.path = tried;
        co_return answered.error();
    }
    const Answer& answer = greeting.answer();
    const auto peer = udx_peer_of(answer.payload);
    const Greeted greeted{parts_.dht, parts_.runtime.clock, remote, false, answer};
    auto course = proto::punch::Client::Course::usual;
    auto approach = open_approach(greeted);
    if (approach)
        approach = from_port(greeted, *std::move(approach), *parts_.pool, open);
    else
        approach =
            punch_approach(greeted, {parts_.runtime, *parts_.pool, greeting.keys(), &course, open});
    if (!peer || !approach) {
        failure.code = peer ? Finding::Code::no_way_through : Finding::Code::refused_or_foreign;
        co_return Errc::cannot_connect;
    }
    auto path = co_await approach->run();
    if (!path) {
        if (approach->explain) approach->explain(approach->failure);
        failure = std::move(approach->failure);
        failure.path = tried;
        co_return path.error();
    }
    Reached reached{std::move(stream), *peer, *std::move(path), greeting.keys()};
    co_return reached;
}

Task<Result<Link>> Dialer::dial_tunnelled(NodeId remote, Findings& why) {
    Clock& clock = parts_.runtime.clock;
    const auto began = clock.now();
    Finding failure;
    auto reached = co_await reach_tunnelled(std::move(remote), failure);
    if (!reached) {
        failure.after = milliseconds_since(clock, began);
        const bool tried =
            reached.error() != Errc::not_found && reached.error() != asio::error::operation_aborted;
        if (tried) why.add(std::move(failure));
        co_return reached.error();
    }
    reached->stream->keep_paths(
        [pool = parts_.pool](UdxPath path) { return pool->keeping(std::move(path)); });
    reached->stream->connect(parts_.pool->keeping(std::move(reached->path)), reached->peer);
    Link link{std::move(reached->stream), reached->keys};
    co_return link;
}

}  // namespace kp2p
