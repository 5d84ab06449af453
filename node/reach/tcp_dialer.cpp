#include "node/reach/tcp_dialer.hpp"

#include "node/async/tasks.hpp"
#include "node/async/timeout.hpp"
#include "node/reach/tcp_handshake.hpp"
#include "proto/outcome.hpp"

namespace kp2p {

TcpDialer::TcpDialer(Runtime& runtime, ByteStreams& streams, proto::KeyPair keys)
    : runtime_(runtime), streams_(streams), keys_(std::move(keys)) {}

struct TcpDialer::Attempts {
    NodeId remote;
    Findings& why;
    std::optional<Link> found;
};

Task<Result<Link>> TcpDialer::dial(NodeId remote, std::vector<Endpoint> addresses, Findings& why) {
    if (addresses.size() > max_addresses) addresses.resize(max_addresses);
    Attempts attempts{remote, why, std::nullopt};
    auto done = co_await with_tasks([&](Tasks& all) -> Task<> {
        for (const Endpoint& address : addresses) all.spawn(try_one(attempts, address, all));
        co_return;
    });
    if (attempts.found) co_return *std::move(attempts.found);
    if (!done) co_return done.error();
    co_return Errc::cannot_connect;
}

Task<> TcpDialer::try_one(Attempts& attempts, Endpoint address, Tasks& all) {
    const auto began = runtime_.clock.now();
    Finding failure;
    auto link = co_await try_address(attempts.remote, address, failure);
    if (link) {
        if (!attempts.found) attempts.found = *std::move(link);
        all.cancel();
    } else if (link.error() != asio::error::operation_aborted) {
        failure.after = milliseconds_since(runtime_.clock, began);
        attempts.why.add(std::move(failure));
    }
}

Task<Result<Link>> TcpDialer::try_address(NodeId remote, Endpoint address, Finding& failure) {
    failure = {.code = Finding::Code::tcp_silent,
               .node = remote,
               .what = address.text(),
               .path = TriedPath{TriedPath::Way::tcp, address}};
    auto limited = with_timeout(runtime_.clock, connect_limit, streams_.connect(address));
    auto stream = co_await std::move(limited);
    if (!stream && stream.error() == asio::error::connection_refused) {
        failure.code = Finding::Code::tcp_refused;
    } else if (!stream && stream.error() != Errc::timed_out &&
               stream.error() != asio::error::timed_out) {
        failure.code = Finding::Code::tcp_unreachable;
        failure.what += ": " + stream.error().message();
    }
    if (!stream) co_return stream.error();
    failure.code = Finding::Code::tcp_other_node;
    auto greeting = with_timeout(runtime_.clock, handshake_limit,
                                 greet_over(**stream, runtime_.random, keys_, remote));
    auto keys = co_await std::move(greeting);
    if (!keys) {
        (*stream)->destroy();
        co_return keys.error();
    }
    Link link{*std::move(stream), *keys};
    co_return link;
}

}  // namespace kp2p
