#include "node/async/waking_clock.hpp"

#include "node/async/tasks.hpp"
#include "test/run.hpp"
#include "test/sim/sim.hpp"

using namespace kp2p;
using namespace kp2p::test;
using namespace std::chrono_literals;

namespace {

// A machine's clock, behind which the process falls back.
class Machine final : public Clock {
  public:
    explicit Machine(SimClock& clock) : clock_(clock) {}
    void go_ahead(Span gap) {
        ahead_ += gap;
        for (auto& [alarm, moment] : alarms_)
            if (moment) alarm->set(*moment - ahead_);
    }
    Time now() const override { return clock_.now() + ahead_; }
    WallTime wall_now() const override { return {}; }
    Task<Result<void>> sleep_until(Time moment) override {
        while (now() < moment) {
            auto slept = co_await clock_.sleep_for(10ms);
            if (!slept) co_return slept;
        }
        co_return ok;
    }
    std::unique_ptr<Alarm> alarm(Executor executor, std::function<void()> on_time) override {
        alarms_.emplace_back(clock_.alarm(executor, std::move(on_time)), std::nullopt);
        return std::make_unique<Numbered>(*this, alarms_.size() - 1);
    }

  private:
    struct Numbered final : Alarm {
        Numbered(Machine& of, std::size_t i) : machine(of), index(i) {}
        ~Numbered() override { clear(); }
        void set(Time moment) override {
            machine.alarms_[index].second = moment;
            machine.alarms_[index].first->set(moment - machine.ahead_);
        }
        void clear() override {
            machine.alarms_[index].second.reset();
            machine.alarms_[index].first->clear();
        }
        Machine& machine;
        std::size_t index;
    };

    SimClock& clock_;
    Span ahead_{};
    std::vector<std::pair<std::unique_ptr<Alarm>, std::optional<Time>>> alarms_;
};

struct Row {
    Clock::Span gap, counted;
};

Task<> stand_still(Sim& sim, Machine& machine, Clock::Span gap) {
    auto slept = co_await sim.clock().sleep_for(3s);
    CHECK(slept);
    machine.go_ahead(gap);
}

Task<> gaps(Sim& sim) {
    Machine machine(sim.clock());
    WakingClock clock(machine);
    int noticed = 0;
    clock.on_gap([&] { ++noticed; });
    auto body = [&](Tasks& all) -> Task<> {
        all.spawn(clock.run());
        for (const Row& row : {Row{45s, 0s}, Row{3s, 3s}, Row{24h, 0s}}) {
            CAPTURE(row.gap.count());
            all.spawn(stand_still(sim, machine, row.gap));
            std::optional<Clock::Time> rang;
            auto alarm = clock.alarm(sim.loop().get_executor(), [&] { rang = sim.clock().now(); });
            const auto began = sim.clock().now();
            alarm->set(clock.now() + 20s);
            auto slept = co_await clock.sleep_for(10s);
            CHECK(slept);
            CHECK(sim.clock().now() - began >= 10s - row.counted);
            CHECK(sim.clock().now() - began < 12s);
            CHECK(!rang);
            auto rest = co_await clock.sleep_for(12s);
            CHECK(rest);
            REQUIRE(rang);
            CHECK(noticed == (row.counted == 0s ? 1 : 0));
            noticed = 0;
            CHECK(*rang - began >= 20s - row.counted);
        }
        all.cancel();
    };
    auto ended = co_await with_tasks(body);
    (void)ended;
}

Task<> unwatched(Sim& sim) {
    WakingClock clock(sim.clock());
    const auto began = clock.now();
    auto slept = co_await clock.sleep_for(1h);
    CHECK(slept);
    CHECK(clock.now() - began == 1h);
}

Task<> about_the_looks(Sim& sim) {
    WakingClock clock(sim.clock());
    CHECK(clock.about(2300ms) == 2300ms);  // nobody looks
    auto body = [&](Tasks& all) -> Task<> {
        const auto began = clock.now();
        all.spawn(clock.run());
        for (int i = 0; i < 20; ++i) {
            auto slept = co_await clock.sleep_for(730ms);
            CHECK(slept);
            for (const Clock::Span span : {Clock::Span(2300ms), Clock::Span(1s), Clock::Span(5s)}) {
                CAPTURE(span.count());
                const auto about = clock.about(span);
                CHECK((clock.now() + about - began) % 1s == 0s);
                CHECK(about >= span - 500ms);
                CHECK(about <= span + 500ms);
            }
            CHECK(clock.about(0s) >= 0s);
        }
        all.cancel();
    };
    auto ended = co_await with_tasks(body);
    (void)ended;
}

}  // namespace

TEST_CASE("who waits over a gap in which the process stood still waits on as long as before") {
    Sim sim(1);
    sim.run(gaps(sim));
}
TEST_CASE("where nobody looks at the time, no gap is made up") {
    Sim sim(1);
    sim.run(unwatched(sim));
}
TEST_CASE("what is not urgent is done when the process looks at the time") {
    Sim sim(1);
    sim.run(about_the_looks(sim));
}
