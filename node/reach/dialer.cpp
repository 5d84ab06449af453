#include "node/reach/dialer.hpp"

#include "node/async/tasks.hpp"
#include "node/reach/approach.hpp"
#include "node/reach/relayed.hpp"
#include "proto/outcome.hpp"

namespace kp2p {
namespace {

// A node has three relays; one that names more may name anything.
constexpr std::size_t max_relays_known = 3;
// So long a race is waited for before a relay is looked for that was not known when it began, as
// just after the start; and how often.
constexpr std::chrono::milliseconds usual_race{800}, between_looks{200};

void keep(std::vector<Approach>& to, std::optional<Approach> approach) {
    if (approach) to.push_back(std::move(*approach));
}

}  // namespace

// All that one dial needs, for as long as anything of it goes on.
struct Dialer::Attempt {
    Attempt(Runtime& runtime, Dht& dht, const proto::KeyPair& keys, const NodeId& to,
            std::shared_ptr<DialProgress> progress)
        : remote(to),
          progress(std::move(progress)),
          greeting(runtime, dht, keys, to, this->progress),
          found(runtime.executor) {}

    NodeId remote;
    std::shared_ptr<DialProgress> progress;
    Through through = Through::any;
    Greeting greeting;
    NoisePayload ours;
    FoundPath found;  // that goes through no relay
    Findings why;
    std::optional<RelayPlan> plan;  // of going through a relay
    std::optional<RelayLeg> leg;    // which we did
    UdxByteStream::Handle relayed;  // the stream, while it does
    std::optional<Reached> anew;    // who goes through it, if it was not named in our greeting
    bool knocked = false, relay_over = false, race_over = false;
    Tasks* racing = nullptr;  // while race_on() is
};

Task<Result<Link>> Dialer::dial(NodeId remote, std::vector<Endpoint> relays, Findings& why,
                                Through through, std::shared_ptr<DialProgress> progress) {
    auto attempt = std::make_shared<Attempt>(parts_.runtime, parts_.dht, parts_.keys,
                                             std::move(remote), std::move(progress));
    attempt->through = through;
    auto link = co_await dial(attempt, std::move(relays));
    for (const Finding& finding : attempt->why.all()) why.add(finding);
    const bool no_way = !link && attempt->race_over;
    if (link) unreached_.erase(attempt->remote);
    if (no_way && link.error() == Errc::cannot_connect && may_need_tunnel(*attempt))
        link = co_await dial_tunnelled(attempt->remote, why);
    if (no_way && through == Through::any) {
        if (unreached_.size() >= max_remembered) unreached_.erase(unreached_.begin());
        unreached_.insert(attempt->remote);
    }
    co_return link;
}

bool Dialer::may_need_relay(const NodeId& remote) const {
    return parts_.relays && (needs_relay(parts_.dht) || unreached_.contains(remote));
}

// A member that relays is offered first, in the next dial.
bool Dialer::may_need_tunnel(const Attempt& attempt) const {
    if (attempt.through != Through::any || !parts_.open_tunnelled) return false;
    return attempt.plan || !parts_.relays || !parts_.relays->choose(attempt.remote);
}

Task<Result<Link>> Dialer::dial(AttemptRef attempt, std::vector<Endpoint> relays) {
    const NodeId& remote = attempt->remote;
    if (relays.empty()) {
        const auto known = remembered_.find(remote);
        if (known != remembered_.end()) relays = known->second;
    }
    if (relays.size() > max_relays_known) relays.resize(max_relays_known);

    const auto began = parts_.runtime.clock.now();
    auto stream = new_stream();
    const bool answered_only = attempt->through == Through::answered;
    const auto on_path = [this, attempt](const UdxPath& path) {
        FoundPath& found = attempt->found;
        if (!found.path) {
            found.path = parts_.pool ? parts_.pool->keeping(path) : path;
            // A port that was opened to knock is known to nobody who has not heard it.
            found.path->answered = attempt->knocked && found.path->keeper;
        }
        found.changed.notify_all();
    };
    if (!answered_only) stream->on_path(on_path);
    attempt->ours = own_payload(parts_.dht, stream->id());
    const bool relay_will_do = attempt->through != Through::no_relay;
    if (parts_.relays && relay_will_do && (answered_only || may_need_relay(remote)))
        attempt->ours.relay_through = offer_relay(*parts_.relays, parts_.runtime.random, remote);
    Greeting::Ways ways;
    ways.relays = std::move(relays);
    std::shared_ptr<PunchSocket> kept;
    if (const auto known = holes_.find(remote); known != holes_.end() && parts_.pool) {
        kept = parts_.pool->hold(known->second.socket);
        if (kept) ways.hole = known->second;
    }
    auto answered = co_await attempt->greeting.run(attempt->ours, std::move(ways), attempt->why);
    if (!answered) co_return answered.error();
    const Answer& answer = attempt->greeting.answer();
    auto peer = udx_peer_of(answer.payload);
    if (!peer) {
        attempt->why.add({.code = Finding::Code::refused_or_foreign,
                          .node = remote,
                          .after = milliseconds_since(parts_.runtime.clock, began),
                          .path = TriedPath{TriedPath::Way::dht, answer.reply.server}});
        co_return Errc::cannot_connect;
    }
    const RelayOffers offers{answer.payload.relay_through, attempt->ours.relay_through};
    if (parts_.relays && relay_will_do)
        attempt->plan = plan_of(offers, proto::Role::initiator, stream->id());
    auto path = co_await find_path(attempt);
    if (!path) co_return path.error();
    if (parts_.pool) *path = parts_.pool->keeping(std::move(*path));
    if (answer.payload.udx->reusable_socket && !path->relay_id) remember(remote, *path);
    proto::NoiseKeys keys = attempt->greeting.keys();
    if (path->relay_id && attempt->anew) {
        stream = std::move(attempt->anew->stream);
        peer = attempt->anew->peer;
        keys = attempt->anew->keys;
    }
    stream->connect(*path, *peer);
    if (path->relay_id) {
        attempt->relayed = stream->handle();
        parts_.relays->spawn(
            keep_leg(parts_.runtime.clock, attempt->relayed, std::move(attempt->leg->hold)));
    }
    std::vector<Endpoint> remembered{answer.relay};
    if (answer.payload.relay_addresses && !answer.payload.relay_addresses->empty())
        remembered = *answer.payload.relay_addresses;
    remember(remote, std::move(remembered));
    Link link{std::move(stream), std::move(keys)};
    co_return link;
}

std::unique_ptr<UdxByteStream> Dialer::new_stream() const {
    auto stream = std::make_unique<UdxByteStream>(parts_.udx);
    if (parts_.pool)
        stream->keep_paths(
            [pool = parts_.pool](UdxPath path) { return pool->keeping(std::move(path)); });
    return stream;
}

// The first there is. Where that is through a relay, the race for another goes on.
Task<Result<UdxPath>> Dialer::find_path(AttemptRef attempt) {
    const Answer& answer = attempt->greeting.answer();
    const bool we_are_open = attempt->ours.firewall == proto::dht::Firewall::open;
    const Greeted greeted{parts_.dht, parts_.runtime.clock, attempt->remote, we_are_open,
                          answer,     parts_.door};
    // That one of us can be reached by everybody is no use where the other is the exception.
    const bool straight =
        attempt->through != Through::answered && (we_are_open || open_approach(greeted));
    // It has a connection before it hears from us there; of a hole only when it does.
    attempt->progress->taken = straight || attempt->plan;
    if (attempt->progress->unneeded && !attempt->progress->taken) co_return Errc::cannot_connect;
    const bool may_be_relayed =
        attempt->plan || (parts_.relays && attempt->through == Through::any);
    if (!may_be_relayed || straight) co_return co_await race_all(attempt);
    parts_.relays->spawn(race_on(attempt));
    FoundPath& found = attempt->found;
    attempt->relay_over = !attempt->plan;
    auto done = co_await with_tasks([&](Tasks& all) -> Task<> {
        if (attempt->plan)
            all.spawn(go_through_relay(attempt));
        else
            all.spawn(await_relay(attempt));
        while (!found.path && !attempt->leg && !(attempt->relay_over && attempt->race_over)) {
            auto woken = co_await found.changed.wait();
            if (!woken) break;
        }
        all.cancel();
    });
    if (done && !found.path && attempt->leg) co_return attempt->leg->path;
    if (attempt->racing) attempt->racing->cancel();
    if (!done) co_return done.error();
    if (found.path) co_return *found.path;
    co_return Errc::cannot_connect;
}

Task<> Dialer::go_through_relay(AttemptRef attempt) {
    Clock& clock = parts_.runtime.clock;
    const auto began = clock.now();
    auto leg = co_await take_leg(clock, *parts_.relays, *attempt->plan);
    if (!leg && leg.error() == asio::error::operation_aborted) co_return;
    if (leg) {
        attempt->leg = *std::move(leg);
    } else {
        attempt->why.add({.code = Finding::Code::relay_failed,
                          .node = attempt->remote,
                          .what = attempt->plan->relay.hex(),
                          .after = milliseconds_since(clock, began),
                          .path = TriedPath{TriedPath::Way::relayed}});
    }
    attempt->relay_over = true;
    attempt->found.changed.notify_all();
}

Task<> Dialer::await_relay(AttemptRef attempt) {
    std::optional<RelayThrough> relay;
    for (Clock::Span pause = usual_race; !relay; pause = between_looks) {
        auto slept = co_await parts_.runtime.clock.sleep_for(pause);
        if (!slept || attempt->race_over) co_return;
        relay = offer_relay(*parts_.relays, parts_.runtime.random, attempt->remote);
    }
    attempt->relay_over = false;
    co_await greet_through(attempt, *std::move(relay));
    attempt->relay_over = true;
    attempt->found.changed.notify_all();
}

// Once more, and with a stream of its own, as the first greeting has named no relay. What the race
// finds leads there as well.
Task<> Dialer::greet_through(AttemptRef attempt, RelayThrough relay) {
    auto stream = new_stream();
    NoisePayload ours = own_payload(parts_.dht, stream->id());
    ours.relay_through = std::move(relay);
    Greeting greeting(parts_.runtime, parts_.dht, parts_.keys, attempt->remote);
    Greeting::Ways ways;
    ways.relays.push_back(attempt->greeting.answer().relay);
    Findings why;
    auto answered = co_await greeting.run(ours, std::move(ways), why);
    if (!answered) co_return;
    const NoisePayload& theirs = greeting.answer().payload;
    const auto peer = udx_peer_of(theirs);
    const RelayOffers offers{theirs.relay_through, ours.relay_through};
    const auto plan = plan_of(offers, proto::Role::initiator, stream->id());
    if (!peer || !plan) co_return;
    auto leg = co_await take_leg(parts_.runtime.clock, *parts_.relays, *plan);
    if (!leg) co_return;
    attempt->leg = *std::move(leg);
    attempt->anew = Reached{std::move(stream), *peer, attempt->leg->path, greeting.keys()};
}

Task<> Dialer::race_on(AttemptRef attempt) {
    Result<UdxPath> path = Errc::cannot_connect;
    auto done = co_await with_tasks([&](Tasks& all) -> Task<> {
        attempt->racing = &all;
        path = co_await race_all(attempt);
    });
    attempt->racing = nullptr;
    attempt->race_over = true;
    attempt->found.changed.notify_all();
    if (!done || !path || !attempt->relayed) co_return;
    if (parts_.pool) *path = parts_.pool->keeping(std::move(*path));
    co_await leave_relay(parts_.runtime.clock, attempt->relayed, *path);
}

Task<Result<UdxPath>> Dialer::race_all(AttemptRef attempt) {
    const NodeId& remote = attempt->remote;
    const bool we_are_open = attempt->ours.firewall == proto::dht::Firewall::open;
    const Greeted greeted{parts_.dht,  parts_.runtime.clock,       remote,
                          we_are_open, attempt->greeting.answer(), parts_.door};
    auto course = proto::punch::Client::Course::usual;
    if (const auto known = courses_.find(remote); known != courses_.end()) course = known->second;
    const auto usual = course;
    // It has a connection as soon as that gets in.
    const auto knock = [attempt] {
        attempt->progress->taken = attempt->knocked = true;
        return first_packet(*udx_peer_of(attempt->greeting.answer().payload));
    };
    auto approaches =
        approaches_to(greeted, attempt->found, attempt->greeting.keys(), course, knock);
    // Who has a connection already must not lose it for one that nothing comes over.
    if (attempt->through == Through::no_relay)
        for (Approach& approach : approaches)
            if (approach.proof == Approach::Proof::none)
                approach = shown_approach(greeted, std::move(approach));
    if (attempt->through == Through::answered)
        std::erase_if(approaches, [](const Approach& approach) {
            return approach.proof != Approach::Proof::answered;
        });
    if (approaches.empty() && attempt->through != Through::answered)
        attempt->why.add({.code = Finding::Code::no_way_through, .node = remote});
    auto path =
        co_await race(std::move(approaches), attempt->found, parts_.runtime.clock, attempt->why);
    attempt->race_over = true;
    if (course != usual) {
        if (courses_.size() >= max_remembered) courses_.erase(courses_.begin());
        courses_[remote] = course;
    }
    co_return path;
}

std::vector<Approach> Dialer::approaches_to(const Greeted& greeted, FoundPath& found,
                                            const proto::NoiseKeys& keys,
                                            proto::punch::Client::Course& course,
                                            std::function<ByteVector()> knock) {
    std::vector<Approach> approaches;
    keep(approaches, open_approach(greeted));
    keep(approaches, awaited_approach(greeted, found));
    keep(approaches, lan_approach(greeted));
    keep(approaches, ipv6_approach(greeted));
    if (parts_.pool)
        keep(approaches, punch_approach(greeted, {.runtime = parts_.runtime,
                                                  .pool = *parts_.pool,
                                                  .keys = keys,
                                                  .course = &course,
                                                  .knock = std::move(knock)}));
    return approaches;
}

void Dialer::remember(const NodeId& remote, std::vector<Endpoint> relays) {
    if (remembered_.size() >= max_remembered && !remembered_.contains(remote))
        remembered_.erase(remembered_.begin());
    if (relays.size() > max_relays_known) relays.resize(max_relays_known);
    remembered_[remote] = std::move(relays);
}

void Dialer::remember(const NodeId& remote, const UdxPath& path) {
    holes_.erase(remote);
    if (!path.keeper) return;
    if (holes_.size() >= max_remembered) holes_.erase(holes_.begin());
    const auto socket = std::static_pointer_cast<PunchSocket>(path.keeper)->id();
    holes_.emplace(remote, OpenHole{socket, path.remote});
}

}  // namespace kp2p
