#include "test/sim/sim.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "test/hang.hpp"

namespace kp2p::test {
namespace {

constexpr std::size_t max_turns = 5'000'000;  // of the loop, at one moment

}  // namespace

class SimAlarm final : public Alarm {
  public:
    SimAlarm(SimClock& clock, std::function<void()> on_time)
        : clock_(clock), on_time_(std::move(on_time)) {}
    ~SimAlarm() override { clear(); }
    void set(Clock::Time moment) override {
        clear();
        key_ = SimClock::Key(std::max(moment, clock_.now_), clock_.sequence_++);
        clock_.events_.emplace(*key_, [this] {
            key_.reset();
            const auto on_time = on_time_;  // outlives an alarm that it destroys
            on_time();
        });
    }
    void clear() override {
        if (key_) clock_.events_.erase(*key_);
        key_.reset();
    }

  private:
    SimClock& clock_;
    std::function<void()> on_time_;
    std::optional<SimClock::Key> key_;
};

std::unique_ptr<Alarm> SimClock::alarm(Executor, std::function<void()> on_time) {
    return std::make_unique<SimAlarm>(*this, std::move(on_time));
}

void SimClock::at(Time moment, std::function<void()> event) {
    events_.emplace(Key(std::max(moment, now_), sequence_++), std::move(event));
}

void SimRandom::fill(std::span<std::uint8_t> bytes) {
    for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(engine_() >> 56);
}

bool SimClock::step() {
    if (events_.empty()) return false;
    auto next = events_.extract(events_.begin());
    now_ = next.key().first;
    next.mapped()();
    return true;
}

Task<Result<void>> SimClock::sleep_until(Time moment) {
    asio::steady_timer wake(co_await asio::this_coro::executor, Time::max());
    const Key key(std::max(moment, now_), sequence_++);
    bool due = false;
    events_.emplace(key, [&] {
        due = true;
        wake.cancel();
    });
    co_await wake.async_wait(use_result);
    if (!due) events_.erase(key);
    const auto state = co_await asio::this_coro::cancellation_state;
    if (!due && state.cancelled() != asio::cancellation_type::none)
        co_return asio::error::operation_aborted;
    co_return ok;
}

SimSocket::SimSocket(Sim& sim, const Endpoint& local)
    : sim_(sim), local_(local), arrived_(sim.loop(), asio::steady_timer::time_point::max()) {
    sim_.sockets_[local_] = this;
}

SimSocket::~SimSocket() { sim_.sockets_.erase(local_); }

void SimSocket::send(const Endpoint& to, ByteView bytes) { sim_.deliver(local_, to, bytes); }

void SimSocket::send_with_ttl(const Endpoint& to, ByteView bytes, int ttl) {
    sim_.deliver(local_, to, bytes, ttl);
}

void SimSocket::send_segments(const Endpoint& to, std::span<const ByteView> pieces,
                              std::size_t segment_bytes) {
    ByteVector whole;
    for (const ByteView piece : pieces) whole.insert(whole.end(), piece.begin(), piece.end());
    for (std::size_t at = 0; at < whole.size(); at += segment_bytes)
        send(to, ByteView(whole).subspan(at, std::min(segment_bytes, whole.size() - at)));
}

std::span<const Datagram> SimSocket::take() {
    if (queue_.empty()) return {};
    current_ = std::move(queue_.front());
    queue_.pop_front();
    batch_ = {current_.from, current_.bytes};
    return {&batch_, 1};
}

Task<Result<void>> SimSocket::arrived() {
    while (queue_.empty()) {
        co_await arrived_.async_wait(use_result);
        const auto state = co_await asio::this_coro::cancellation_state;
        if (state.cancelled() != asio::cancellation_type::none)
            co_return asio::error::operation_aborted;
    }
    co_return ok;
}

std::unique_ptr<Datagrams> Sim::open(const Endpoint& local) {
    return std::make_unique<SimSocket>(*this, local);
}

void Sim::kill(const Endpoint& host) { dead_.insert({host.host, 0}); }

SimNat* Sim::nat_at(const Endpoint& outside) {
    for (auto& [host, nat] : nats_)
        if (nat.outside().host == outside.host) return &nat;
    return nullptr;
}

void Sim::deliver(const Endpoint& source, const Endpoint& to, ByteView bytes, int ttl) {
    Endpoint from = source;
    if (dead_.contains({from.host, 0})) return;
    ++sent_[{from.host, 0}];
    if (record_) record_->push_back({clock_.passed(), from, to, {bytes.begin(), bytes.end()}});
    if (firewalled_.contains({from.host, 0})) opened_.emplace(from, to);
    if (const auto nat = nats_.find({from.host, 0}); nat != nats_.end()) {
        from = nat->second.outward(from, to);
        if (ttl < max_near_ttl) return;
    }
    ByteVector copy(bytes.begin(), bytes.end());
    unsigned times = 1;
    if (const auto meddled = meddled_.find({source.host, 0}); meddled != meddled_.end())
        times = meddled->second(copy);
    for (; times > 0; --times) carry(from, to, copy);
}

void Sim::carry(const Endpoint& from, const Endpoint& to, ByteVector bytes) {
    if (std::uniform_real_distribution<>()(random_) < conditions_.loss) return;
    const auto latency = std::uniform_int_distribution<std::int64_t>(
        conditions_.min_latency.count(), conditions_.max_latency.count())(random_);
    clock_.at(clock_.now() + std::chrono::milliseconds(latency),
              [this, from, to, bytes = std::move(bytes)] { arrive(from, to, bytes); });
}

void Sim::arrive(const Endpoint& from, const Endpoint& seen, const ByteVector& bytes) {
    Endpoint to = seen;
    if (const SimNat* nat = nat_at(seen)) {
        const auto inside = nat->inward(from, seen);
        if (!inside) return;
        to = *inside;
    }
    const auto socket = sockets_.find(to);
    if (socket == sockets_.end() || dead_.contains({to.host, 0})) return;
    if (firewalled_.contains({to.host, 0}) && !opened_.contains({to, from})) return;
    if (socket->second->queue_.size() >= SimSocket::max_queued) return;
    ++delivered_;
    trace_ = trace_ * 1099511628211u ^ EndpointHash()(from) ^ EndpointHash()(to) * 3 ^
             static_cast<std::uint64_t>(clock_.now().time_since_epoch().count()) ^ bytes.size();
    socket->second->queue_.push_back({from, bytes});
    socket->second->arrived_.cancel();
}

void Sim::run(Task<> body) {
    std::exception_ptr thrown;
    bool done = false;
    asio::co_spawn(loop_, std::move(body), [&](std::exception_ptr e) {
        thrown = e;
        done = true;
    });
    for (;;) {
        loop_.restart();
        std::size_t turns = 0;
        while (loop_.poll_one())
            if (++turns > max_turns) give_up("time stands still");
        if (done || !clock_.step()) break;
    }
    CHECK(done);
    if (thrown) std::rethrow_exception(thrown);
}

}  // namespace kp2p::test
