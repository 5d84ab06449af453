#include "node/reach/greeting.hpp"

#include <utility>

#include "node/async/tasks.hpp"
#include "node/async/timeout.hpp"
#include "proto/outcome.hpp"

namespace kp2p {
namespace {

constexpr int handshakes_at_once = 2;  // beside those through relays known beforehand
constexpr std::size_t max_relays_tried = 64;
constexpr std::chrono::seconds max_handshake{30};  // through whichever relay
constexpr unsigned find_retries = 3;

}  // namespace

Greeting::Greeting(Runtime& runtime, Dht& dht, const proto::KeyPair& keys, const NodeId& remote,
                   std::shared_ptr<DialProgress> progress)
    : clock_(runtime.clock),
      dht_(dht),
      remote_(remote),
      progress_(std::move(progress)),
      target_(proto::dht::target_of(remote)),
      noise_(noise_initiator(runtime.random, keys, remote)),
      changed_(runtime.executor) {}

Task<Result<void>> Greeting::run(const NoisePayload& ours, Ways ways, Findings& why) {
    const auto began = clock_.now();
    const auto failed = [&](Finding::Code code) {
        why.add({.code = code,
                 .node = remote_,
                 .after = milliseconds_since(clock_, began),
                 .path = TriedPath{TriedPath::Way::dht}});
        return make_error_code(Errc::cannot_connect);
    };
    auto message = noise_.write(ours.encode());
    if (!message) co_return failed(Finding::Code::invalid_key);
    message_ = std::move(*message);
    auto answered = co_await with_timeout(clock_, max_handshake, find_answer(std::move(ways)));
    if (answered) co_return ok;
    if (answered.error() == asio::error::operation_aborted) co_return answered;
    if (announced_) co_return failed(Finding::Code::relays_silent);
    co_return failed(heard_ ? Finding::Code::not_announced : Finding::Code::not_asked_for);
}

Task<Result<void>> Greeting::find_answer(Ways ways) {
    std::vector<Endpoint>& relays = ways.relays;
    if (const auto route = dht_.route(target_)) relays.assign(1, *route);
    auto done = co_await with_tasks([&](Tasks& all) -> Task<> {
        if (ways.hole) all.spawn(try_hole(*ways.hole, all));
        if (!relays.empty()) all.spawn(try_known(relays, all));
        all.spawn(search(relays));
        for (int i = 0; i < handshakes_at_once; i++) all.spawn(try_found(all));
        co_return;
    });
    if (answer_) co_return ok;
    if (!done) co_return done;
    co_return Errc::cannot_connect;
}

Task<> Greeting::search(std::vector<Endpoint> seeds) {
    const auto on_found = [this](const FoundRelay& relay) {
        announced_ = true;
        if (tried_.size() >= max_relays_tried || !tried_.insert(relay.relay).second) return;
        found_.push_back(relay.relay);
        changed_.notify_all();
    };
    const int rounds = seeds.empty() ? 1 : 2;
    for (int round = 0; round < rounds && !answer_; round++) {
        Dht::FindingPeer finding{std::exchange(seeds, {}), find_retries};
        auto end = co_await dht_.find_peer(remote_, std::move(finding), on_found);
        if (!end && end.error() == asio::error::operation_aborted) co_return;
        heard_ = heard_ || (end && end->answers > 0);
    }
    searched_ = true;
    changed_.notify_all();
}

Task<> Greeting::try_known(std::vector<Endpoint> relays, Tasks& all) {
    for (const Endpoint& relay : relays) {
        if (answer_ || !tried_.insert(relay).second) continue;
        const bool answered = co_await try_relay(relay);
        if (answered) all.cancel();
    }
}

Task<> Greeting::try_found(Tasks& all) {
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

Task<> Greeting::try_hole(OpenHole hole, Tasks& all) {
    progress_->taken = true;
    auto reply = co_await dht_.peer_handshake(hole.socket, hole.remote, target_, message_);
    if (take(hole.remote, std::move(reply))) all.cancel();
}

Task<bool> Greeting::try_relay(Endpoint relay) {
    if (progress_->unneeded) co_return false;
    progress_->taken = true;
    auto reply = co_await dht_.peer_handshake(relay, target_, message_);
    co_return take(relay, std::move(reply));
}

bool Greeting::take(Endpoint relay, Result<HandshakeReply> reply) {
    if (!reply || answer_) return false;
    auto plain = noise_.read(reply->noise);
    if (!plain) return false;  // forged or spoilt on the way: another may bring the true one
    auto payload = NoisePayload::decode(*plain);
    Answer answer{relay, std::move(*reply), NoisePayload()};
    answer.payload.version = 0;  // of no known version, unless it can be read
    if (payload) answer.payload = std::move(*payload);
    answer_ = std::move(answer);
    return true;
}

}  // namespace kp2p
