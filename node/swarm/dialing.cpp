#include "node/swarm/dialing.hpp"

#include "node/async/tasks.hpp"

namespace kp2p {

Task<> end_unneeded(Clock& clock, std::shared_ptr<Dialing> dial) {
    dial->unneeded = true;
    if (dial->taken) {
        auto slept = co_await clock.sleep_for(Dialing::max_standby);
        if (!slept) co_return;
    }
    if (dial->tasks) dial->tasks->cancel();
}

}  // namespace kp2p
