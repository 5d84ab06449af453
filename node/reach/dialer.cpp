#include "node/reach/dialer.hpp"

#include <algorithm>
#include <deque>
#include <set>

#include "node/async/tasks.hpp"
#include "node/async/timeout.hpp"
#include "proto/crypto/secret_stream.hpp"
#include "proto/outcome.hpp"

namespace kp2p {
namespace {

using proto::dht::DhtId;
using proto::dht::Firewall;
using proto::dht::SocketId;

constexpr int handshakes_at_once = 2;  // beside those through relays known beforehand
constexpr std::size_t max_relays_tried = 64;
// A node has three relays; one that names more may name anything.
constexpr std::size_t max_relays_known = 3;
constexpr std::chrono::seconds max_handshake{30};  // through whichever relay
constexpr unsigned find_retries = 3;
constexpr std::chrono::seconds max_wait_for_server{10};
constexpr unsigned lan_ping_retries = 3;

}  // namespace

// One call of dial(), in its frame.
class Dialer::Attempt {
  public:
    Attempt(Dialer& dialer, const NodeId& remote, std::string& why_not)
        : parts_(dialer.parts_),
          dialer_(dialer),
          remote_(remote),
          target_(proto::dht::target_of(remote)),
          why_not_(why_not),
          stream_(std::make_unique<UdxByteStream>(parts_.udx)),
          noise_(noise_initiator(parts_.keys, remote)),
          changed_(parts_.executor) {
        stream_->on_path([this](const UdxPath& path) {
            if (!path_) path_ = path;
            changed_.notify_all();
        });
    }

    Task<Result<Link>> run(std::vector<Endpoint> relays);

  private:
    struct Answer {
        Endpoint relay;
        HandshakeReply reply;
        NoisePayload payload;
    };

    Task<Result<void>> find_answer(std::vector<Endpoint> relays);
    Task<> search(std::vector<Endpoint> seeds);
    Task<> try_known(std::vector<Endpoint> relays, Tasks& all);
    Task<> try_found(Tasks& all);
    Task<bool> try_relay(Endpoint relay);
    Task<Result<void>> find_path();
    void pick_path();
    Task<Result<void>> race_paths();
    Task<> lan_path(Endpoint address);
    Task<> punched_path();
    Task<> first_path(Tasks& all);
    void racer_ended();
    std::optional<Endpoint> lan_address() const;
    Result<void> fail(std::string why);
    std::string no_answer() const;

    DialerParts& parts_;
    Dialer& dialer_;
    NodeId remote_;
    DhtId target_;
    std::string& why_not_;
    std::unique_ptr<UdxByteStream> stream_;
    proto::Noise noise_;
    ByteVector greeting_;  // the same through every relay
    std::optional<Answer> answer_;
    std::optional<UdxPath> path_;
    std::set<Endpoint> tried_;
    std::deque<Endpoint> found_;
    bool searched_ = false, we_are_open_ = false;
    int racers_ = 0;
    Event changed_;
};

Result<void> Dialer::Attempt::fail(std::string why) {
    why_not_ = std::move(why);
    return Errc::cannot_connect;
}

Task<Result<Link>> Dialer::Attempt::run(std::vector<Endpoint> relays) {
    const NoisePayload ours = own_payload(parts_.dht, stream_->id());
    we_are_open_ = ours.firewall == Firewall::open;
    auto greeting = noise_.write(ours.encode());
    if (!greeting) co_return fail("it is no valid public key").error();
    greeting_ = std::move(*greeting);

    auto answered =
        co_await with_timeout(parts_.clock, max_handshake, find_answer(std::move(relays)));
    if (!answered && answered.error() == Errc::timed_out) answered = fail(no_answer());
    if (!answered) co_return answered.error();
    auto peer = udx_peer_of(answer_->payload);
    if (!peer) co_return fail("it speaks another version, or refused us").error();
    pick_path();
    if (!path_) {
        auto found = co_await find_path();
        if (!found) co_return found.error();
    }
    stream_->connect(*path_, *peer);
    std::vector<Endpoint> remember{answer_->relay};
    if (answer_->payload.relay_addresses && !answer_->payload.relay_addresses->empty())
        remember = *answer_->payload.relay_addresses;
    dialer_.remember(remote_, std::move(remember));
    Link link{std::move(stream_), noise_.keys()};
    co_return link;
}

// ---- the handshake ----

Task<Result<void>> Dialer::Attempt::find_answer(std::vector<Endpoint> relays) {
    if (const auto route = parts_.dht.route(target_)) relays.assign(1, *route);
    auto done = co_await with_tasks([&](Tasks& all) -> Task<> {
        if (!relays.empty()) all.spawn(try_known(relays, all));
        all.spawn(search(relays));
        for (int i = 0; i < handshakes_at_once; i++) all.spawn(try_found(all));
        co_return;
    });
    if (answer_) co_return ok;
    if (!done) co_return done;
    co_return fail(no_answer());
}

std::string Dialer::Attempt::no_answer() const {
    if (tried_.empty())
        return "it is not announced on the DHT: it is offline, or not known there yet";
    return "it is announced on the DHT, but answers through none of its relays";
}

Task<> Dialer::Attempt::search(std::vector<Endpoint> seeds) {
    const auto on_found = [this](const FoundRelay& relay) {
        if (tried_.size() >= max_relays_tried || !tried_.insert(relay.relay).second) return;
        found_.push_back(relay.relay);
        changed_.notify_all();
    };
    const int rounds = seeds.empty() ? 1 : 2;
    for (int round = 0; round < rounds && !answer_; round++) {
        Dht::FindingPeer finding{std::exchange(seeds, {}), find_retries};
        auto end = co_await parts_.dht.find_peer(remote_, std::move(finding), on_found);
        if (!end && end.error() == asio::error::operation_aborted) co_return;
    }
    searched_ = true;
    changed_.notify_all();
}

Task<> Dialer::Attempt::try_known(std::vector<Endpoint> relays, Tasks& all) {
    for (const Endpoint& relay : relays) {
        if (answer_ || !tried_.insert(relay).second) continue;
        const bool answered = co_await try_relay(relay);
        if (answered) all.cancel();
    }
}

Task<> Dialer::Attempt::try_found(Tasks& all) {
    while (!answer_) {
        if (found_.empty()) {
            if (searched_) co_return;
            auto woken = co_await changed_.wait();
            if (!woken) co_return;
            continue;
        }
        const Endpoint relay = found_.front();
        found_.pop_front();
        const bool answered = co_await try_relay(relay);
        if (answered) all.cancel();
    }
}

Task<bool> Dialer::Attempt::try_relay(Endpoint relay) {
    auto reply = co_await parts_.dht.peer_handshake(relay, target_, greeting_);
    if (!reply || answer_) co_return false;
    auto plain = noise_.read(reply->noise);
    if (!plain) co_return false;  // forged or spoilt on the way: another may bring the true one
    auto payload = NoisePayload::decode(*plain);
    Answer answer{relay, std::move(*reply), NoisePayload()};
    answer.payload.version = 0;  // of no known version, unless it can be read
    if (payload) answer.payload = std::move(*payload);
    answer_ = std::move(answer);
    co_return true;
}

// ---- the path ----

// Those that are known without waiting.
void Dialer::Attempt::pick_path() {
    const auto& [relay, reply, payload] = *answer_;
    if (path_) return;  // the server's packets are here already
    if (!reply.relayed) {
        path_ = UdxPath{&parts_.dht.port(reply.socket)->socket(), reply.server};
        return;
    }
    const bool nothing_to_punch = !payload.holepunch || payload.holepunch->relays.empty();
    if (payload.firewall != Firewall::open && !nothing_to_punch) return;
    const auto& addresses = payload.addresses4;
    const auto open = std::find_if(addresses.begin(), addresses.end(), [](const Endpoint& address) {
        return !proto::dht::is_bogon(address);
    });
    UdpPort& port = *parts_.dht.port(parts_.dht.default_socket());
    path_ = UdxPath{&port.socket(), open == addresses.end() ? reply.server : *open};
}

Task<Result<void>> Dialer::Attempt::find_path() {
    if (we_are_open_) {  // the server connects to us at once
        while (!path_) {
            auto woken = co_await with_timeout(parts_.clock, max_wait_for_server, changed_.wait());
            if (!woken && woken.error() == asio::error::operation_aborted) co_return woken;
            if (!woken) co_return fail("it answered, but sent nothing to our open port");
        }
        co_return ok;
    }
    co_return co_await race_paths();
}

Task<Result<void>> Dialer::Attempt::race_paths() {
    const auto lan = lan_address();
    auto done = co_await with_tasks([&](Tasks& all) -> Task<> {
        racers_ = (lan ? 1 : 0) + (parts_.puncher ? 1 : 0);
        if (lan) all.spawn(lan_path(*lan));
        if (parts_.puncher) all.spawn(punched_path());
        all.spawn(first_path(all));
        co_return;
    });
    if (path_) co_return ok;
    if (!done) co_return done;
    if (lan) co_return fail("it seems to be in our LAN, but does not answer at " + lan->text());
    co_return fail("both sides are behind firewalls, and no way through was found");
}

std::optional<Endpoint> Dialer::Attempt::lan_address() const {
    const auto& [relay, reply, payload] = *answer_;
    if (reply.client.host != reply.server.host) return std::nullopt;
    std::vector<Endpoint> theirs;
    for (const Endpoint& address : payload.addresses4)
        if (!proto::dht::is_reserved(address)) theirs.push_back(address);
    if (theirs.empty()) return std::nullopt;
    const Endpoint bound = parts_.dht.port(SocketId::server)->socket().local();
    const auto ours = local_addresses(bound);
    const auto match = proto::dht::match_address({ours, theirs});
    return match.value_or(theirs.front());
}

Task<> Dialer::Attempt::lan_path(Endpoint address) {
    auto pong = co_await parts_.dht.ping(SocketId::server, address, lan_ping_retries);
    if (pong && !path_) path_ = UdxPath{&parts_.dht.port(SocketId::server)->socket(), address};
    racer_ended();
}

Task<> Dialer::Attempt::punched_path() {
    PunchPlan plan{remote_,        target_,          answer_->relay,
                   answer_->reply, answer_->payload, proto::holepunch_secret(noise_.keys().hash)};
    auto path = co_await parts_.puncher(std::move(plan));
    if (path && !path_) path_ = *path;
    racer_ended();
}

void Dialer::Attempt::racer_ended() {
    racers_--;
    changed_.notify_all();
}

Task<> Dialer::Attempt::first_path(Tasks& all) {
    while (!path_ && racers_ > 0) {
        auto woken = co_await changed_.wait();
        if (!woken) co_return;
    }
    all.cancel();
}

// ---- the dialer ----

Task<Result<Link>> Dialer::dial(NodeId remote, std::vector<Endpoint> relays, std::string& why_not) {
    if (relays.empty()) {
        const auto known = remembered_.find(remote);
        if (known != remembered_.end()) relays = known->second;
    }
    if (relays.size() > max_relays_known) relays.resize(max_relays_known);
    auto attempt = std::make_unique<Attempt>(*this, remote, why_not);
    co_return co_await attempt->run(std::move(relays));
}

void Dialer::remember(const NodeId& remote, std::vector<Endpoint> relays) {
    if (remembered_.size() >= max_remembered && !remembered_.contains(remote))
        remembered_.erase(remembered_.begin());
    if (relays.size() > max_relays_known) relays.resize(max_relays_known);
    remembered_[remote] = std::move(relays);
}

}  // namespace kp2p
