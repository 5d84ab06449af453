// A simulated world: time that jumps from event to event, and a network of UDP sockets with
// latency, loss and dead hosts, all from one seed. Same seed, same trace.
//   Sim sim(seed);  auto socket = sim.open(endpoint);  sim.run(body());  // to the end of body
// Coroutines run on sim.loop(); time passes only when all of them wait.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>

#include "node/async/runtime.hpp"
#include "node/net/datagrams.hpp"
#include "test/sim/nat.hpp"

namespace kp2p::test {

class SimClock final : public Clock {
  public:
    Time now() const override { return now_; }
    WallTime wall_now() const override { return WallTime(std::chrono::hours(500'000)) + passed(); }
    Span passed() const { return now_ - start; }  // since the world began
    Task<Result<void>> sleep_until(Time moment) override;
    std::unique_ptr<Alarm> alarm(Executor executor, std::function<void()> on_time) override;
    void at(Time moment, std::function<void()> event);

  private:
    friend class Sim;
    friend class SimAlarm;
    using Key = std::pair<Time, std::uint64_t>;  // the second orders what happens at one moment

    bool step();  // to the next event; false if there is none

    static constexpr Time start{std::chrono::hours(1000)};
    Time now_ = start;
    std::uint64_t sequence_ = 0;
    std::map<Key, std::function<void()>> events_;
};

class SimRandom final : public Random {
  public:
    explicit SimRandom(std::uint64_t seed) : engine_(seed) {}
    void fill(std::span<std::uint8_t> bytes) override;

  private:
    std::mt19937_64 engine_;
};

// All work takes the same time, and is done on the loop's own thread in the order in which it came.
class SimPool final : public Pool {
  public:
    static constexpr std::chrono::milliseconds work_takes{1};

    explicit SimPool(SimClock& clock) : clock_(clock) {}
    void post(Work work) override { clock_.at(clock_.now() + work_takes, std::move(work)); }
    bool start(Work work) override { return post(std::move(work)), true; }

  private:
    SimClock& clock_;
};

class Sim;

// One socket. Datagrams that arrive while max_queued wait are lost.
class SimSocket final : public Datagrams {
  public:
    static constexpr std::size_t max_queued = 256;

    SimSocket(Sim& sim, const Endpoint& local);
    ~SimSocket() override;
    Endpoint local() const override { return local_; }
    void send(const Endpoint& to, ByteView bytes) override;
    void send_with_ttl(const Endpoint& to, ByteView bytes, int ttl) override;
    void send_segments(const Endpoint& to, std::span<const ByteView> pieces,
                       std::size_t segment_bytes) override;
    std::span<const Datagram> take() override;
    Task<Result<void>> arrived() override;

  private:
    friend class Sim;
    struct Queued {
        Endpoint from;
        ByteVector bytes;
    };

    Sim& sim_;
    Endpoint local_;
    asio::steady_timer arrived_;
    std::deque<Queued> queue_;
    Queued current_;
    Datagram batch_;
};

class Sim {
  public:
    struct Conditions {
        double loss = 0;
        std::chrono::milliseconds min_latency{5}, max_latency{45};
    };
    struct Sent {  // a datagram, whether it arrives or not
        Clock::Span at;
        Endpoint from, to;
        ByteVector bytes;
        friend bool operator==(const Sent&, const Sent&) = default;
    };
    explicit Sim(std::uint64_t seed) : random_(seed), node_random_(~seed) {}
    Sim(std::uint64_t seed, const Conditions& conditions)
        : random_(seed), node_random_(~seed), conditions_(conditions) {}

    std::unique_ptr<Datagrams> open(const Endpoint& local);
    void lose(double share) { conditions_.loss = share; }  // of the datagrams, from now on
    void kill(const Endpoint& host);  // all of its sockets: nothing leaves or arrives any more
    void revive(const Endpoint& host) { dead_.erase({host.host, 0}); }
    // From now on its sockets hear only those whom they have sent something themselves.
    void firewall(const Endpoint& host) { firewalled_.insert({host.host, 0}); }
    // From now on it is behind a NAT, and seen at the host `outside`; its sockets keep their own
    // addresses. Another time: the NAT has forgotten all, and is seen at another host. What is
    // sent with a TTL below max_near_ttl gets through its own NAT alone.
    void nat(const Endpoint& host, SimNat::Kind kind, const Endpoint& outside) {
        nats_.insert_or_assign(Endpoint{host.host, 0}, SimNat(kind, outside, random_()));
    }
    SimNat& nat_of(const Endpoint& host) { return nats_.at({host.host, 0}); }
    static constexpr int max_near_ttl = 10;
    // From now on what the host sends is what this makes of it, that often.
    using Meddle = std::function<unsigned(ByteVector& bytes)>;
    void meddle(const Endpoint& host, Meddle with) { meddled_[{host.host, 0}] = std::move(with); }
    void record(std::vector<Sent>& sent) { record_ = &sent; }  // from now on, to the end
    // Runs until `body` has ended; rethrows what it throws. Fails the test if nothing is left to
    // happen before that.
    void run(Task<> body);

    Runtime& runtime() { return runtime_; }  // of all nodes, with no log
    asio::io_context& loop() { return loop_; }
    SimClock& clock() { return clock_; }
    std::mt19937_64& random() { return random_; }
    std::uint64_t delivered() const { return delivered_; }
    std::uint64_t sent_by(const Endpoint& host) const {  // datagrams
        const auto sent = sent_.find({host.host, 0});
        return sent == sent_.end() ? 0 : sent->second;
    }
    std::uint64_t trace() const { return trace_; }  // a hash of all that was delivered, and when

  private:
    friend class SimSocket;
    void deliver(const Endpoint& from, const Endpoint& to, ByteView bytes, int ttl = 64);
    SimNat* nat_at(const Endpoint& outside);
    void carry(const Endpoint& from, const Endpoint& to, ByteVector bytes);
    void arrive(const Endpoint& from, const Endpoint& to, const ByteVector& bytes);

    asio::io_context loop_{1};
    SimClock clock_;
    std::mt19937_64 random_;  // of the network
    SimRandom node_random_;
    SimPool pool_{clock_};
    Runtime runtime_{loop_.get_executor(), clock_, node_random_, pool_};
    Conditions conditions_;
    std::map<Endpoint, SimSocket*> sockets_;
    std::map<Endpoint, SimNat> nats_;                 // by host, port 0
    std::set<Endpoint> dead_, firewalled_;            // hosts, port 0
    std::set<std::pair<Endpoint, Endpoint>> opened_;  // socket behind a firewall, whom it knows
    std::map<Endpoint, std::uint64_t> sent_;          // by host
    std::map<Endpoint, Meddle> meddled_;              // likewise
    std::uint64_t delivered_ = 0, trace_ = 0;
    std::vector<Sent>* record_ = nullptr;
};

}  // namespace kp2p::test
