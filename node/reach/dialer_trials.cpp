// Every approach to a node tried on its own, for who wants to know what works.
#include <algorithm>

#include "node/async/tasks.hpp"
#include "node/reach/approach.hpp"
#include "node/reach/dialer.hpp"
#include "node/reach/heed.hpp"
#include "node/reach/relayed.hpp"
#include "proto/outcome.hpp"

namespace kp2p {
namespace {

constexpr unsigned proof_retries = 3;

// What is only said to work is asked.
Task<Result<UdxPath>> shown(Dht& dht, std::function<Task<Result<UdxPath>>()> run) {
    auto path = co_await run();
    if (!path) co_return path;
    auto pong = co_await dht.ping(dht.default_socket(), path->remote, proof_retries);
    if (!pong) co_return pong.error();
    co_return path;
}

Task<> try_approach(Clock& clock, Approach approach, OnTrial tell) {
    const auto began = clock.now();
    auto path = co_await approach.run();
    if (!path && path.error() == asio::error::operation_aborted) co_return;
    Trial trial{.took = milliseconds_since(clock, began)};
    trial.path = approach.failure.path.value_or(TriedPath());
    if (path) {
        trial.path.at = path->remote;
    } else {
        approach.failure.after = trial.took;
        if (approach.explain) approach.explain(approach.failure);
        trial.failure = std::move(approach.failure);
    }
    tell(trial);
}

Trial failed(Finding finding) {
    return {.path = finding.path.value_or(TriedPath()),
            .took = finding.after.value_or(std::chrono::milliseconds(0)),
            .failure = std::move(finding)};
}

}  // namespace

// One after the other: a node lets only so much be tried by one peer at a time.
Task<Result<void>> Dialer::try_ways(NodeId remote, std::vector<Endpoint> relays, OnTrial tell) {
    auto tried = co_await try_ways_here(remote, std::move(relays), tell);
    if (!tried || !parts_.open_tunnelled) co_return tried;
    co_return co_await try_tunnel(remote, std::move(tell));
}

Task<Result<void>> Dialer::try_ways_here(NodeId remote, std::vector<Endpoint> relays,
                                         OnTrial tell) {
    Clock& clock = parts_.runtime.clock;
    const auto began = clock.now();
    FoundPath found(parts_.runtime.executor);
    auto stream = std::make_unique<UdxByteStream>(parts_.udx);
    stream->on_path([&found](const UdxPath& path) {
        if (!found.path) found.path = path;
        found.changed.notify_all();
    });
    NoisePayload ours = own_payload(parts_.dht, stream->id());
    if (parts_.relays)
        ours.relay_through = offer_relay(*parts_.relays, parts_.runtime.random, remote);
    Greeting greeting(parts_.runtime, parts_.dht, parts_.keys, remote);
    Greeting::Ways ways;
    ways.relays = std::move(relays);
    Findings why;
    auto answered = co_await greeting.run(ours, std::move(ways), why);
    if (!answered && answered.error() == asio::error::operation_aborted) co_return answered;
    for (const Finding& finding : why.all()) tell(failed(finding));
    if (!answered) co_return ok;
    const Answer& answer = greeting.answer();
    const auto greeted_after = milliseconds_since(clock, began);
    tell({.what = Trial::What::found,
          .path = {TriedPath::Way::dht, answer.relay},
          .took = greeted_after});
    const Greeted greeted{parts_.dht, clock,
                          remote,     ours.firewall == proto::dht::Firewall::open,
                          answer,     parts_.door};
    auto course = proto::punch::Client::Course::usual;
    auto approaches = approaches_to(greeted, found, greeting.keys(), course);
    // A node that we can come to has no need to come to us.
    const auto is_open = [](const Approach& one) { return one.proof == Approach::Proof::none; };
    if (std::ranges::any_of(approaches, is_open))
        std::erase_if(approaches, [](const Approach& one) {
            return one.failure.code == Finding::Code::sent_nothing;
        });
    const auto usable = udx_peer_of(answer.payload);
    if (!usable || approaches.empty()) {
        const auto code =
            usable ? Finding::Code::no_way_through : Finding::Code::refused_or_foreign;
        tell(failed({.code = code, .node = remote, .after = greeted_after, .path = {}}));
        co_return ok;
    }
    // Where one of the two is open the other needs no relay, unless it does not get there.
    const bool straight = greeted.we_are_open || open_approach(greeted);
    bool reached = false;
    std::vector<Trial> of_relay;
    const OnTrial tell_of_relay =
        straight ? [&of_relay](const Trial& trial) { of_relay.push_back(trial); } : tell;
    const OnTrial tell_of_others = [&reached, &tell](const Trial& trial) {
        reached = reached || !trial.failure;
        tell(trial);
    };
    auto others = [&](Tasks& all) -> Task<> {
        for (Approach& approach : approaches) {
            if (is_open(approach)) {
                approach.run = [&dht = parts_.dht, run = approach.run] { return shown(dht, run); };
                approach = heeding_approach(greeted, std::move(approach));
            }
            all.spawn(try_approach(clock, std::move(approach), tell_of_others));
        }
        co_return;
    };
    auto relayed = relayed_approach(greeted, ours, tell_of_relay);
    auto body = [&](Tasks& all) -> Task<> {
        if (relayed) all.spawn(try_approach(clock, std::move(*relayed), tell_of_relay));
        auto tried = co_await with_tasks(others);
        if (tried && straight && reached) all.cancel();
    };
    auto tried = co_await with_tasks(body);
    if (tried && !reached)
        for (const Trial& trial : of_relay) tell(trial);
    co_return tried;
}

std::optional<Approach> Dialer::relayed_approach(const Greeted& greeted, const NoisePayload& ours,
                                                 OnTrial tell) {
    if (!parts_.relays) return std::nullopt;
    const RelayOffers offers{greeted.answer.payload.relay_through, ours.relay_through};
    const auto plan = plan_of(offers, proto::Role::initiator, std::uint32_t(ours.udx->id));
    const TriedPath path{TriedPath::Way::relayed};
    if (!plan) {
        tell(failed({.code = Finding::Code::no_relay, .node = greeted.remote, .path = path}));
        return std::nullopt;
    }
    const auto run = [this, plan = *plan]() -> Task<Result<UdxPath>> {
        auto leg = co_await take_leg(parts_.runtime.clock, *parts_.relays, plan);
        if (!leg) co_return leg.error();
        co_return leg->path;
    };
    return Approach{run,
                    {.code = Finding::Code::relay_failed,
                     .node = greeted.remote,
                     .what = plan->relay.hex(),
                     .path = path}};
}

// As one who is behind a kp2p-relay and not where we are.
Task<Result<void>> Dialer::try_tunnel(NodeId remote, OnTrial tell) {
    Clock& clock = parts_.runtime.clock;
    const auto began = clock.now();
    Finding failure{.code = Finding::Code::tunnel_failed,
                    .node = remote,
                    .path = TriedPath{TriedPath::Way::tunnelled}};
    auto opened = co_await parts_.open_tunnelled(failure.what);
    if (!opened && opened.error() == Errc::not_found) co_return ok;
    Result<UdxPath> path = Errc::cannot_connect;
    if (opened) {
        // All through one port, which everything that is sent there comes to.
        std::unique_ptr<Datagrams> first = *std::move(opened);
        SocketPool pool(parts_.runtime, parts_.dht, parts_.udx,
                        [&first]() -> Result<std::unique_ptr<Datagrams>> {
                            if (!first) return Errc::limit_reached;
                            return std::move(first);
                        });
        auto body = [&](Tasks& all) -> Task<> {
            all.spawn(pool.run());
            path = co_await reach_from(pool, remote, failure);
            all.cancel();
        };
        auto done = co_await with_tasks(body);
        if (!done) co_return done;
    } else if (opened.error() == asio::error::operation_aborted) {
        co_return opened.error();
    }
    Trial trial{.path = *failure.path, .took = milliseconds_since(clock, began)};
    if (path) {
        trial.path.at = path->remote;
    } else {
        failure.after = trial.took;
        trial.failure = std::move(failure);
    }
    tell(trial);
    co_return ok;
}

Task<Result<UdxPath>> Dialer::reach_from(SocketPool& pool, NodeId remote, Finding& failure) {
    const auto fail = [&failure](Finding why) {
        why.path = failure.path;
        failure = std::move(why);
    };
    auto stream = std::make_unique<UdxByteStream>(parts_.udx);
    NoisePayload ours = own_payload(parts_.dht, stream->id());
    ours.firewall = proto::dht::Firewall::unknown;
    ours.addresses4.clear();
    Greeting greeting(parts_.runtime, parts_.dht, parts_.keys, remote);
    Findings why;
    auto answered = co_await greeting.run(ours, Greeting::Ways(), why);
    if (!answered) {
        if (!why.empty()) fail(why.all().front());
        co_return answered.error();
    }
    const Answer& answer = greeting.answer();
    const Greeted greeted{parts_.dht, parts_.runtime.clock, remote, false, answer};
    if (const auto open = open_approach(greeted)) {
        auto known = co_await open->run();
        if (!known) co_return known.error();
        fail(open->failure);
        auto socket = pool.open();
        if (!socket) co_return socket.error();
        auto pong = co_await parts_.dht.ping((*socket)->id(), known->remote, proof_retries);
        if (!pong) co_return pong.error();
        co_return known;
    }
    auto course = proto::punch::Client::Course::usual;
    auto punch = punch_approach(greeted, {parts_.runtime, pool, greeting.keys(), &course});
    if (!punch) {
        fail({.code = Finding::Code::no_way_through, .node = remote});
        co_return Errc::cannot_connect;
    }
    auto path = co_await punch->run();
    if (!path) {
        if (punch->explain) punch->explain(punch->failure);
        fail(punch->failure);
    }
    co_return path;
}

}  // namespace kp2p
