// MappingKeeper: keeps our ports forwarded by the router in front of us. It asks at once, again
// long before the router would forget it, so that a router that was restarted or has another
// address now is noticed, and seldom where there is no router. Shape: construct, spawn run(); to
// end, await farewell() for as long as there is time, then cancel run().
#pragma once

#include <functional>

#include "node/async/event.hpp"
#include "node/async/runtime.hpp"
#include "node/mapping/port_mapper.hpp"

namespace kp2p {

class MappingKeeper {
  public:
    // Between two requests while all is well: what a router forgets or changes is known that late.
    static constexpr std::chrono::seconds renewal{120};
    // However short a time the router grants.
    static constexpr std::chrono::seconds min_renewal{10};
    // One that grants no time, or years, is believed for so long without being asked anew.
    static constexpr std::chrono::seconds max_unconfirmed{3600};
    // After a failure: more than the one before, up to the longest.
    static constexpr std::chrono::seconds first_pause{15}, longest_pause{1800};
    static constexpr std::chrono::seconds longest_pause_mapped{60};  // while it may still hold

    // `changed` is called whenever mapping() has changed.
    MappingKeeper(Runtime& runtime, PortMapper& mapper, MappingWish wish,
                  std::function<void()> changed);

    Task<> run();
    // We are elsewhere: what a router has promised there is worth nothing, and another is asked.
    void moved();
    // Takes the mapping back, and asks for no other.
    Task<Result<void>> farewell();

    const std::optional<Mapping>& mapping() const { return mapping_; }
    std::string words() const;  // how it is, a sentence

  private:
    void succeeded(Mapping mapping);
    void failed(std::error_code why);
    Task<Result<void>> pause(Clock::Span span);
    Clock::Span wait_after_success() const;
    Clock::Span wait_after_failure();
    void set(std::optional<Mapping> mapping);
    void say();

    Runtime& runtime_;
    PortMapper& mapper_;
    MappingWish wish_;
    std::function<void()> changed_;
    std::optional<Mapping> mapping_;
    Clock::Time holds_until_{};  // while there is a mapping
    std::error_code why_not_;    // of the last attempt, if it failed
    Clock::Span pause_ = first_pause;
    std::string said_;
    bool asked_ = false, ended_ = false, moved_ = false;  // moved: since it was last asked
    Event hurried_;
};

}  // namespace kp2p
