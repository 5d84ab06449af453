// Toll: whether a TCP connection pays for each byte with so many that are lost that another
// transport may do better: some networks let little TCP through, or shorten it, and leave UDP
// alone. While it sends without a pause it is looked at over `window`; it pays too much when much
// was sent again, and little arrived. Policy only: no I/O.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

namespace kp2p {

class Toll {
  public:
    using Time = std::chrono::steady_clock::time_point;

    static constexpr std::chrono::seconds window{3};
    static constexpr std::uint64_t little_bytes_a_second = 500'000;
    static constexpr unsigned min_arrived_of_resent = 20;  // so many times as much is no loss

    struct Sight {
        std::uint64_t arrived_bytes = 0, resent_bytes = 0;  // since the start
        bool under_way = false;
    };
    // True: it has paid too much, up to this look.
    bool look(Time now, const Sight& sight) {
        if (!sight.under_way) began_.reset();
        if (!sight.under_way) return false;
        if (began_ && now - *began_ < window) return false;
        const std::uint64_t arrived = sight.arrived_bytes - first_.arrived_bytes;
        const std::uint64_t resent = sight.resent_bytes - first_.resent_bytes;
        const bool too_much = began_ && arrived < window.count() * little_bytes_a_second &&
                              resent * min_arrived_of_resent > arrived;
        began_ = now;
        first_ = sight;
        return too_much;
    }

  private:
    std::optional<Time> began_;
    Sight first_;
};

}  // namespace kp2p
