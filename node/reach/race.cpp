#include "node/async/tasks.hpp"
#include "node/reach/approach.hpp"
#include "proto/outcome.hpp"

namespace kp2p {
namespace {

struct Racers {
    FoundPath& found;
    Clock& clock;
    Findings& why;
    std::size_t running = 0;
};

Task<> run_one(Racers& racers, Approach approach) {
    const auto began = racers.clock.now();
    auto path = co_await approach.run();
    if (path && !racers.found.path) racers.found.path = *path;
    if (!path && path.error() != asio::error::operation_aborted) {
        approach.failure.after = milliseconds_since(racers.clock, began);
        if (approach.explain) approach.explain(approach.failure);
        racers.why.add(std::move(approach.failure));
    }
    racers.running--;
    racers.found.changed.notify_all();
}

}  // namespace

Task<Result<UdxPath>> race(std::vector<Approach> approaches, FoundPath& found, Clock& clock,
                           Findings& why) {
    Racers racers{found, clock, why};
    auto done = co_await with_tasks([&](Tasks& all) -> Task<> {
        for (Approach& approach : approaches) {
            if (found.path) break;
            racers.running++;
            all.spawn(run_one(racers, std::move(approach)));
        }
        while (!found.path && racers.running > 0) {
            auto woken = co_await found.changed.wait();
            if (!woken) break;
        }
        all.cancel();
    });
    if (found.path) co_return *found.path;
    if (!done) co_return done.error();
    co_return Errc::cannot_connect;
}

}  // namespace kp2p
