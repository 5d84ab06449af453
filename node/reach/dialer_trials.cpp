// Every approach to a node tried on its own, for who wants to know what works.
#include <algorithm>

#include "node/async/tasks.hpp"
#include "node/reach/approach.hpp"
#include "node/reach/dialer.hpp"
#include "proto/outcome.hpp"

namespace kp2p {
namespace {

constexpr unsigned proof_retries = 3;

Task<> try_approach(Dht& dht, Clock& clock, Approach approach, OnTrial tell) {
    const auto began = clock.now();
    auto path = co_await approach.run();
    if (path && approach.proof == Approach::Proof::none) {
        auto pong = co_await dht.ping(dht.default_socket(), path->remote, proof_retries);
        if (!pong) path = pong.error();
    }
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

Task<Result<void>> Dialer::try_ways(NodeId remote, std::vector<Endpoint> relays, OnTrial tell) {
    Clock& clock = parts_.runtime.clock;
    const auto began = clock.now();
    FoundPath found(parts_.runtime.executor);
    auto stream = std::make_unique<UdxByteStream>(parts_.udx);
    stream->on_path([&found](const UdxPath& path) {
        if (!found.path) found.path = path;
        found.changed.notify_all();
    });
    const NoisePayload ours = own_payload(parts_.dht, stream->id());
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
    const Greeted greeted{parts_.dht, clock, remote, ours.firewall == proto::dht::Firewall::open,
                          answer};
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
    auto body = [&](Tasks& all) -> Task<> {
        for (Approach& approach : approaches)
            all.spawn(try_approach(parts_.dht, clock, std::move(approach), tell));
        co_return;
    };
    co_return co_await with_tasks(body);
}

}  // namespace kp2p
