#include "node/net/interface_watch.hpp"

namespace kp2p {

InterfaceWatch::Hint interface_hint(Executor, Clock& clock) {
    return [&clock] { return clock.sleep_for(InterfaceWatch::poll_interval); };
}

}  // namespace kp2p
