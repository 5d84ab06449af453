#include "node/way_out.hpp"

#include <algorithm>

#include "node/async/tasks.hpp"
#include "node/async/timeout.hpp"
#include "proto/dht/wire/rpc.hpp"

namespace kp2p {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t max_probed = 6;
constexpr int probe_transmissions = 3;
constexpr std::chrono::milliseconds probe_patience = 400ms;  // after each
constexpr std::chrono::milliseconds way_look_interval = 250ms, longest_look_interval = 1s;

}  // namespace

WayOut::WayOut(Runtime& runtime, Tunnels& tunnels, std::unique_ptr<Datagrams> probe, Dht& dht,
               std::function<void()> moved)
    : runtime_(runtime),
      tunnels_(tunnels),
      probe_(std::move(probe)),
      dht_(dht),
      moved_(std::move(moved)) {}

Task<> WayOut::run() {
    auto body = [this](Tasks& tasks) -> Task<> {
        tasks.spawn(tunnels_.run());
        tasks.spawn(decide());
        co_return;
    };
    (void)co_await with_tasks(body);  // it ends by cancellation
}

Task<> WayOut::decide() {
    // A relay of our own is tried beside UDP; those of others only where UDP is blocked.
    tunnels_.want(tunnels_.has_own());
    for (;;) {
        if (!tunnels_.has_relays()) {
            auto added = co_await tunnels_.relay_added();
            if (!added) co_return;
            continue;
        }
        auto answers = co_await udp_answers();
        if (!answers) co_return;
        if (*answers && tunnels_.in_use()) {
            left_ = runtime_.clock.now();
            use_relay(false);
        }
        if (*answers && !left_) tunnels_.want(false);
        if (!*answers) tunnels_.want(true);
        if (!*answers && !tunnels_.in_use() && tunnels_.up()) use_relay(true);
        const bool settled = *answers || tunnels_.in_use();
        Result<void> stayed = ok;
        if (settled)
            stayed = co_await stay();
        else
            stayed = co_await pass(way_look_interval);
        if (!stayed) co_return;
    }
}

// Until UDP here is worth another try.
Task<Result<void>> WayOut::stay() {
    const auto began = runtime_.clock.now();
    for (;;) {
        const Clock::Span span = tunnels_.in_use() ? way_look_interval : until_silence();
        auto passed = co_await pass(span);
        if (!passed) co_return passed;
        const auto now = runtime_.clock.now();
        if (tunnels_.in_use() ? now - began >= probe_interval : is_dht_silent()) co_return ok;
        if (left_ && now - *left_ >= kept_after_use) {
            left_.reset();
            tunnels_.want(tunnels_.in_use());
        }
    }
}

Task<Result<void>> WayOut::pass(Clock::Span span) {
    auto slept = co_await runtime_.clock.sleep_for(span);
    if (!slept) co_return slept;
    if (std::exchange(seen_moves_, tunnels_.moves()) != tunnels_.moves() && tunnels_.in_use())
        moved_();
    co_return ok;
}

// So long at least until it may be that the DHT is silent; to be asked for again behind it.
Clock::Span WayOut::until_silence() const {
    const Clock::Span left = max_dht_silence - dht_.contact().silent_for.value_or(Clock::Span{});
    return std::clamp<Clock::Span>(left, way_look_interval, longest_look_interval);
}

bool WayOut::is_dht_silent() const {
    const DhtContact contact = dht_.contact();
    return (contact.silent_for && *contact.silent_for >= max_dht_silence) ||
           (dht_.bootstrapped() && dht_.table_size() == 0);
}

void WayOut::use_relay(bool used) {
    if (used) left_.reset();
    runtime_.log("tunnel", used ? "UDP is blocked here: using " + tunnels_.place()
                                : "UDP works here again: the relay is not used any more");
    tunnels_.use(used);
    moved_();
}

// Pings some nodes, without the DHT, which would hold it against them that we do not hear them.
Task<Result<bool>> WayOut::udp_answers() {
    std::vector<Endpoint> nodes = dht_.nodes_to_try();
    std::erase_if(nodes, [](const Endpoint& node) { return !node.host.is_v4(); });
    if (nodes.empty()) co_return !tunnels_.in_use();  // nobody to ask: as it is
    if (nodes.size() > max_probed) nodes.resize(max_probed);
    proto::dht::Request ping;
    ping.tid = static_cast<std::uint16_t>(runtime_.random.number());
    for (int i = 0; i < probe_transmissions; ++i) {
        for (const Endpoint& node : nodes) {
            ping.to = node;
            probe_->send(node, encode(ping));
        }
        auto answered =
            co_await with_timeout(runtime_.clock, probe_patience, answer_arrives(nodes, ping.tid));
        if (answered || answered.error() != Errc::timed_out) co_return answered;
    }
    co_return false;
}

Task<Result<bool>> WayOut::answer_arrives(const std::vector<Endpoint>& asked, std::uint16_t tid) {
    for (;;) {
        auto batch = co_await probe_->receive();
        if (!batch) co_return batch.error();
        for (const Datagram& datagram : *batch) {
            if (std::find(asked.begin(), asked.end(), datagram.from) == asked.end()) continue;
            const auto decoded = proto::dht::decode_rpc(datagram.bytes);
            const auto* reply = decoded ? std::get_if<proto::dht::Reply>(&*decoded) : nullptr;
            if (reply && reply->tid == tid) co_return true;
        }
    }
}

}  // namespace kp2p
