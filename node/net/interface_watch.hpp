// InterfaceWatch: notices when this computer's addresses change, as when it is carried to another
// network, its cable is pulled or a VPN comes up. Shape: await changed() again and again.
//
// The system says when to look (Linux: rtnetlink), or it is looked every few seconds; what counts
// is what is seen then. So a flood of such words costs a few looks a second, and a forged one
// nothing.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "node/async/clock.hpp"
#include "proto/host.hpp"

namespace kp2p {

struct Whereabouts {
    std::vector<Host> hosts;  // of all interfaces, sorted
    std::optional<Host>
        way_out;  // what packets to the Internet leave from; none: nothing leads there
    friend bool operator==(const Whereabouts&, const Whereabouts&) = default;
};
Whereabouts whereabouts(Executor executor);

class InterfaceWatch {
  public:
    // some: an address came or went; way_out: packets leave from another one than they last did.
    enum class Change { some, way_out };

    // Between two looks at least, so that what changes together is seen together.
    static constexpr std::chrono::milliseconds settle_span{250};

    // Where the system does not say when to look.
    static constexpr std::chrono::seconds poll_interval{3};

    using Look = std::function<Whereabouts()>;
    // Returns when a look may show something new.
    using Hint = std::function<Task<Result<void>>()>;
    InterfaceWatch(Clock& clock, Look look, Hint hint);

    // What the hint says, when no change will be noticed any more.
    Task<Result<Change>> changed();
    // Of all interfaces, as they were seen last.
    const std::vector<Host>& hosts() const { return seen_.hosts; }

  private:
    Clock& clock_;
    Look look_;
    Hint hint_;
    Whereabouts seen_;
    std::optional<Host> last_way_out_;
};

// Of this machine.
std::unique_ptr<InterfaceWatch> machine_interfaces(Executor executor, Clock& clock);

// What says when to look at the machine. Two twins.
InterfaceWatch::Hint interface_hint(Executor executor, Clock& clock);

}  // namespace kp2p
