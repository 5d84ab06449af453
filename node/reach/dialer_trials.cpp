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
    if (!tried) co_return tried;
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
                approach = shown_approach(greeted, std::move(approach));
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

Task<Result<void>> Dialer::try_tunnel(NodeId remote, OnTrial tell) {
    Clock& clock = parts_.runtime.clock;
    const auto began = clock.now();
    Finding failure;
    auto reached = co_await reach_tunnelled(std::move(remote), failure);
    if (!reached && reached.error() == Errc::not_found) co_return ok;
    if (!reached && reached.error() == asio::error::operation_aborted) co_return reached.error();
    Trial trial{.path = *failure.path, .took = milliseconds_since(clock, began)};
    if (reached) {
        trial.path.at = reached->path.remote;
    } else {
        failure.after = trial.took;
        trial.failure = std::move(failure);
    }
    tell(trial);
    co_return ok;
}

}  // namespace kp2p
