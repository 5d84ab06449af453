#include "node/mapping/keeper.hpp"

#include <algorithm>

#include "node/async/timeout.hpp"
#include "proto/outcome.hpp"

namespace kp2p {
namespace {

// Several nodes behind one router want the same port, and then others: not all the same ones.
constexpr std::uint16_t first_spare_port = 20000, spare_ports = 40000;

}  // namespace

MappingKeeper::MappingKeeper(Runtime& runtime, PortMapper& mapper, MappingWish wish,
                             std::function<void()> changed)
    : runtime_(runtime),
      mapper_(mapper),
      wish_(wish),
      changed_(std::move(changed)),
      hurried_(runtime.executor) {}

Task<> MappingKeeper::run() {
    while (!ended_) {
        moved_ = false;
        wish_.spare_port =
            static_cast<std::uint16_t>(first_spare_port + runtime_.random.number() % spare_ports);
        auto mapped = co_await mapper_.map(wish_);
        if (ended_ || (!mapped && mapped.error() == asio::error::operation_aborted)) co_return;
        Clock::Span wait{};
        if (moved_) {  // it was about the network before
        } else if (mapped) {
            succeeded(*std::move(mapped));
            wait = wait_after_success();
        } else {
            failed(mapped.error());
            wait = wait_after_failure();
        }
        auto passed = co_await pause(wait);
        if (!passed) co_return;
    }
}

Task<Result<void>> MappingKeeper::pause(Clock::Span span) {
    Clock& clock = runtime_.clock;
    const auto until = clock.now() + span;
    while (!moved_ && clock.now() < until) {
        auto woken = co_await with_timeout(clock, until - clock.now(), hurried_.wait());
        if (!woken && woken.error() == asio::error::operation_aborted) co_return woken;
    }
    co_return ok;
}

void MappingKeeper::moved() {
    moved_ = true;
    asked_ = false;
    pause_ = first_pause;
    set(std::nullopt);
    hurried_.notify_all();
}

Task<Result<void>> MappingKeeper::farewell() {
    ended_ = true;
    auto unmapped = co_await mapper_.unmap();
    co_return unmapped;
}

void MappingKeeper::succeeded(Mapping mapping) {
    asked_ = true;
    why_not_.clear();
    pause_ = first_pause;
    // A router that was restarted is asked for what it gave before: others have heard of that.
    if (mapping.udp_port) wish_.external_udp_port = mapping.udp_port;
    if (mapping.tcp_port) wish_.external_tcp_port = mapping.tcp_port;
    const bool endless = mapping.lifetime <= std::chrono::seconds::zero();
    const auto lifetime = endless ? max_unconfirmed : std::min(mapping.lifetime, max_unconfirmed);
    holds_until_ = runtime_.clock.now() + lifetime;
    set(std::move(mapping));
}

// A router that does not answer may be about to: it keeps what it has promised, or we notice when
// it is back. One that refuses forwards nothing.
void MappingKeeper::failed(std::error_code why) {
    asked_ = true;
    why_not_ = why;
    if (why == Errc::refused || runtime_.clock.now() >= holds_until_) set(std::nullopt);
    say();
}

Clock::Span MappingKeeper::wait_after_success() const {
    const auto left = holds_until_ - runtime_.clock.now();
    return std::clamp<Clock::Span>(left / 2, min_renewal, renewal);
}

Clock::Span MappingKeeper::wait_after_failure() {
    const Clock::Span longest = mapping_ ? longest_pause_mapped : longest_pause;
    const Clock::Span wait = std::min(pause_, longest);
    pause_ = std::min<Clock::Span>(2 * wait, longest_pause);
    if (!mapping_) return wait;
    const auto left = holds_until_ - runtime_.clock.now();
    return std::clamp<Clock::Span>(left, std::chrono::seconds(1), wait);
}

void MappingKeeper::set(std::optional<Mapping> mapping) {
    const auto ends = [](const std::optional<Mapping>& at) {
        return at ? std::pair(at->udp(), at->tcp())
                  : std::pair<std::optional<Endpoint>, std::optional<Endpoint>>();
    };
    const bool changes =
        mapping.has_value() != mapping_.has_value() || ends(mapping) != ends(mapping_);
    mapping_ = std::move(mapping);
    say();
    if (changes) changed_();
}

std::string MappingKeeper::words() const {
    if (mapping_) return sentence_of(*mapping_);
    if (!asked_) return "a router that forwards ports is being looked for";
    if (why_not_ == Errc::refused) return "the router forwards no ports to us";
    if (why_not_ == Errc::timed_out) return "the router does not answer in time";
    if (why_not_ == Errc::not_found) return "no router here forwards ports on request";
    return "the router cannot be asked to forward ports: " + why_not_.message();
}

void MappingKeeper::say() {
    std::string line = words();
    if (line == said_) return;
    said_ = std::move(line);
    runtime_.log("mapping", said_);
}

}  // namespace kp2p
