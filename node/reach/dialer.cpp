#include "node/reach/dialer.hpp"

#include "node/reach/approach.hpp"
#include "proto/outcome.hpp"

namespace kp2p {
namespace {

// A node has three relays; one that names more may name anything.
constexpr std::size_t max_relays_known = 3;

void keep(std::vector<Approach>& to, std::optional<Approach> approach) {
    if (approach) to.push_back(std::move(*approach));
}

}  // namespace

Task<Result<Link>> Dialer::dial(NodeId remote, std::vector<Endpoint> relays, Findings& why) {
    if (relays.empty()) {
        const auto known = remembered_.find(remote);
        if (known != remembered_.end()) relays = known->second;
    }
    if (relays.size() > max_relays_known) relays.resize(max_relays_known);

    const auto began = parts_.runtime.clock.now();
    FoundPath found(parts_.runtime.executor);
    auto stream = std::make_unique<UdxByteStream>(parts_.udx);
    stream->on_path([this, &found](const UdxPath& path) {
        if (!found.path) found.path = parts_.pool ? parts_.pool->keeping(path) : path;
        found.changed.notify_all();
    });
    const NoisePayload ours = own_payload(parts_.dht, stream->id());
    Greeting greeting(parts_.runtime, parts_.dht, parts_.keys, remote);
    Greeting::Ways ways;
    ways.relays = std::move(relays);
    std::shared_ptr<PunchSocket> kept;
    if (const auto known = holes_.find(remote); known != holes_.end() && parts_.pool) {
        kept = parts_.pool->hold(known->second.socket);
        if (kept) ways.hole = known->second;
    }
    auto answered = co_await greeting.run(ours, std::move(ways), why);
    if (!answered) co_return answered.error();
    const Answer& answer = greeting.answer();
    auto peer = udx_peer_of(answer.payload);
    if (!peer) {
        why.add({.code = Finding::Code::refused_or_foreign,
                 .node = remote,
                 .after = milliseconds_since(parts_.runtime.clock, began),
                 .path = TriedPath{TriedPath::Way::dht, answer.reply.server}});
        co_return Errc::cannot_connect;
    }
    auto path = co_await find_path(remote, greeting, ours.firewall, found, why);
    if (!path) co_return path.error();
    if (parts_.pool) *path = parts_.pool->keeping(std::move(*path));
    if (answer.payload.udx->reusable_socket) remember(remote, *path);
    stream->connect(*path, *peer);
    std::vector<Endpoint> remembered{answer.relay};
    if (answer.payload.relay_addresses && !answer.payload.relay_addresses->empty())
        remembered = *answer.payload.relay_addresses;
    remember(remote, std::move(remembered));
    Link link{std::move(stream), greeting.keys()};
    co_return link;
}

Task<Result<UdxPath>> Dialer::find_path(const NodeId& remote, const Greeting& greeting,
                                        proto::dht::Firewall ours, FoundPath& found,
                                        Findings& why) {
    const bool we_are_open = ours == proto::dht::Firewall::open;
    const Greeted greeted{parts_.dht, parts_.runtime.clock, remote, we_are_open, greeting.answer()};
    auto course = proto::punch::Client::Course::usual;
    if (const auto known = courses_.find(remote); known != courses_.end()) course = known->second;
    const auto usual = course;
    auto approaches = approaches_to(greeted, found, greeting.keys(), course);
    if (approaches.empty()) why.add({.code = Finding::Code::no_way_through, .node = remote});
    auto path = co_await race(std::move(approaches), found, parts_.runtime.clock, why);
    if (course != usual) {
        if (courses_.size() >= max_remembered) courses_.erase(courses_.begin());
        courses_[remote] = course;
    }
    co_return path;
}

std::vector<Approach> Dialer::approaches_to(const Greeted& greeted, FoundPath& found,
                                            const proto::NoiseKeys& keys,
                                            proto::punch::Client::Course& course) {
    std::vector<Approach> approaches;
    keep(approaches, open_approach(greeted));
    keep(approaches, awaited_approach(greeted, found));
    keep(approaches, lan_approach(greeted));
    if (parts_.pool)
        keep(approaches, punch_approach(greeted, {parts_.runtime, *parts_.pool, keys, &course}));
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
