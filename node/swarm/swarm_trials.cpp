// What shows how we are, or could be, connected to a node.
#include <algorithm>

#include "node/async/tasks.hpp"
#include "node/async/timeout.hpp"
#include "node/net/address.hpp"
#include "node/swarm/swarm.hpp"
#include "proto/outcome.hpp"

namespace kp2p {
namespace {

// The slowest ways, to the end: a greeting, then a punch; and both again from a kp2p-relay.
constexpr std::chrono::seconds max_trials{110};

}  // namespace

std::vector<Path> Swarm::paths_to(const NodeId& node) const {
    std::vector<Path> paths;
    const auto peer = peers_.find(node);
    if (peer == peers_.end()) return paths;
    for (const Peer::Held& held : peer->second.held())
        if (held.proven) paths.push_back(held.connection->path());
    return paths;
}

std::string Swarm::label_of(const NodeId& node) const {
    const auto peer = peers_.find(node);
    return peer == peers_.end() ? std::string() : peer->second.label;
}

std::vector<Finding> Swarm::why_not_better(const NodeId& node) const {
    const auto peer = peers_.find(node);
    if (peer == peers_.end() || has_tcp(node)) return {};
    return peer->second.better_failures;
}

Task<Result<void>> Swarm::try_ways(NodeId node, OnTrial tell) {
    if (node == node_id()) co_return Errc::usage;
    if (!tasks_) co_return Errc::closed;
    for (const Path& path : paths_to(node)) {
        const auto rtt = path.rtt.value_or(Clock::Span());
        tell({.what = Trial::What::open,
              .path = tried_path_of(path),
              .took = std::chrono::duration_cast<std::chrono::milliseconds>(rtt)});
    }
    std::vector<Endpoint> places;
    if (const auto peer = peers_.find(node); peer != peers_.end()) places = peer->second.tcp_places;
    auto body = [&](Tasks& all) -> Task<> {
        all.spawn(try_dialer(node, tell));
        if (!tcp_dialer_) co_return;
        for (const Endpoint& place : places) all.spawn(try_tcp(node, place, tell));
        for (const FixedPeer& fixed : parts_.fixed)
            if (fixed.node == node) all.spawn(try_fixed(fixed, tell));
    };
    auto tried = co_await with_timeout(parts_.runtime.clock, max_trials, with_tasks(body));
    if (!tried && tried.error() == asio::error::operation_aborted) co_return tried;
    co_return ok;
}

// That nothing comes back from whom we have heard, though unasked, is as it does not hear us.
Task<> Swarm::try_dialer(NodeId node, OnTrial tell) {
    const OnTrial tell_known = [known = why_not(node), tell](Trial trial) {
        std::optional<Finding>& failure = trial.failure;
        const auto is_heard = [&](const Finding& one) {
            return one.code == Finding::Code::not_heard && one.what == failure->what;
        };
        if (failure && failure->code == Finding::Code::path_silent &&
            std::ranges::any_of(known, is_heard))
            failure->code = Finding::Code::not_heard;
        tell(trial);
    };
    auto tried = co_await dialer_.try_ways(node, book_.relays(node), tell_known);
    (void)tried;  // it ends early only by cancellation
}

Task<> Swarm::try_tcp(NodeId node, Endpoint place, OnTrial tell) {
    std::vector<Endpoint> places(1, place);
    co_await try_tcp_at(node, std::move(places), tell);
}

Task<> Swarm::try_fixed(FixedPeer fixed, OnTrial tell) {
    auto places = co_await addresses_of(parts_.runtime.clock, fixed);
    if (!places)
        tell({.path = {TriedPath::Way::tcp},
              .failure = Finding{.code = Finding::Code::tcp_unresolved,
                                 .node = fixed.node,
                                 .what = name_words(fixed.host, places.error())}});
    else
        co_await try_tcp_at(fixed.node, *std::move(places), tell);
}

Task<> Swarm::try_tcp_at(NodeId node, std::vector<Endpoint> places, OnTrial tell) {
    Clock& clock = parts_.runtime.clock;
    const auto began = clock.now();
    Findings why;
    auto link = co_await tcp_dialer_->dial(node, std::move(places), why);
    if (!link && link.error() == asio::error::operation_aborted) co_return;
    for (const Finding& finding : why.all())
        tell({.path = finding.path.value_or(TriedPath{TriedPath::Way::tcp}),
              .took = finding.after.value_or(std::chrono::milliseconds(0)),
              .failure = finding});
    if (!link) co_return;
    tell({.path = {TriedPath::Way::tcp, link->stream->path().remote},
          .took = milliseconds_since(clock, began)});
    link->stream->destroy();
}

}  // namespace kp2p
