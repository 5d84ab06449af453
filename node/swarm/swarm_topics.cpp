// Topics of the swarm: announced and looked up while they are joined.
#include <algorithm>

#include "node/async/tasks.hpp"
#include "node/async/timeout.hpp"
#include "node/swarm/swarm.hpp"

namespace kp2p {
namespace {

using namespace std::chrono_literals;

// After a first announce come a few quick lookups: two nodes that join at the same moment may each
// look before the other has announced itself.
constexpr std::chrono::seconds first_refreshes[] = {5s, 30s, 120s};
constexpr std::chrono::seconds refresh_interval = 10min, refresh_jitter = 2min;
constexpr std::chrono::seconds retry_interval = 5s;  // when no DHT node answered
constexpr std::chrono::seconds hurry_interval = 1s;  // between lookups that are asked for

}  // namespace

void Swarm::join(const Topic& topic) {
    auto& joined = topics_[topic];
    if (joined) {
        joined->wanted = true;
        return;
    }
    joined = std::make_shared<Joined>(parts_.runtime.executor);
    if (tasks_) start(topic);
}

void Swarm::leave(const Topic& topic) {
    const auto found = topics_.find(topic);
    if (found == topics_.end()) return;
    found->second->wanted = false;
    book_.left(topic);
    if (found->second->tasks) found->second->tasks->cancel();
    if (!tasks_) topics_.erase(found);
}

bool Swarm::settling(const Topic& topic) const {
    const auto found = topics_.find(topic);
    if (found == topics_.end()) return false;
    if (!found->second->looked_up || book_.unsettled(topic, false)) return true;
    if (!unsettled_fixed_.empty()) return true;
    return book_.unsettled(topic, true) && places().need({topic}) > 0;
}

bool Swarm::looked_up_again(const Topic& topic, Clock::Time since) {
    const auto found = topics_.find(topic);
    if (found == topics_.end()) return true;
    Joined& joined = *found->second;
    const auto moment_before = parts_.runtime.clock.now() - 2 * hurry_interval;
    if (joined.looked_up_again && joined.last_lookup >= std::min(since, moment_before)) return true;
    if (joined.looked_up && joined.looking && *joined.looking >= since) return false;
    joined.hurry = true;
    joined.hurried.notify_all();
    return false;
}

void Swarm::start(const Topic& topic) { tasks_->spawn(serve_topic(topic, topics_[topic])); }

Task<> Swarm::serve_topic(Topic topic, std::shared_ptr<Joined> joined) {
    while (joined->wanted) {
        auto done = co_await with_tasks([&](Tasks& all) -> Task<> {
            joined->tasks = &all;
            co_await refresh_loop(topic, joined);
        });
        joined->tasks = nullptr;
        if (!done) co_return;
        auto taken_back =
            co_await parts_.dht.unannounce(topic, parts_.keys, std::vector<Endpoint>());
        if (!taken_back && taken_back.error() == asio::error::operation_aborted) co_return;
    }
    topics_.erase(topic);
    changed_.notify_all();
}

Dht::FoundPeer Swarm::found_of(const Topic& topic) {
    return [this, topic](const proto::dht::PeerRecord& record) {
        book_.discovered(parts_.runtime.clock.now(), topic, record.key, record.relays);
        changed_.notify_all();
    };
}

Task<Result<std::vector<Endpoint>>> Swarm::own_relays() {
    auto announced = co_await announcer_.announced();
    if (!announced) co_return announced.error();
    co_return announcer_.relay_addresses();
}

Task<> Swarm::refresh_loop(Topic topic, std::shared_ptr<Joined> joined) {
    Clock& clock = parts_.runtime.clock;
    // Who is there is asked while the network is entered; announced we are when it was.
    std::vector<Endpoint> seeds;
    if (parts_.dht.table_size() == 0) seeds = parts_.dht.nodes_to_try();
    Clock::Time due{};
    for (std::size_t rounds = 0;;) {
        Dht::Announcing announcing{parts_.keys, [this] { return own_relays(); }, seeds};
        joined->hurry = false;
        joined->looking = clock.now();
        auto end = co_await parts_.dht.announce(topic, std::move(announcing), found_of(topic));
        if (!end && end.error() == asio::error::operation_aborted) co_return;
        joined->last_lookup = *std::exchange(joined->looking, std::nullopt);
        joined->looked_up_again = std::exchange(joined->looked_up, true);
        if (end) seeds = end->closest_addresses();
        if (clock.now() >= due) {  // and not for one who was in a hurry
            Clock::Span wait = retry_interval;
            if (end && rounds < std::size(first_refreshes)) {
                wait = first_refreshes[rounds++];
            } else if (end) {
                const auto jitter_ms = std::chrono::milliseconds(refresh_jitter).count();
                wait = refresh_interval + std::chrono::milliseconds(parts_.runtime.random.number() %
                                                                    std::uint64_t(jitter_ms));
            }
            due = clock.now() + wait;
        }
        auto waited = co_await await_refresh(joined, due);
        if (!waited) co_return;
    }
}

Task<Result<void>> Swarm::await_refresh(std::shared_ptr<Joined> joined, Clock::Time due) {
    Clock& clock = parts_.runtime.clock;
    const auto soonest = clock.now() + hurry_interval;
    for (;;) {
        const auto until = joined->hurry ? std::min(due, soonest) : due;
        if (clock.now() >= until) co_return ok;
        auto hurried = joined->hurried.wait();
        auto woken = co_await with_timeout(clock, until - clock.now(), std::move(hurried));
        if (!woken && woken.error() == asio::error::operation_aborted) co_return woken;
    }
}

}  // namespace kp2p
