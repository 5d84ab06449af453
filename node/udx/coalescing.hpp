// Coalescing: when to let datagrams come together before they are read, as network cards do with
// their interrupts. To wake for each costs several times what it costs to take it in.
#pragma once

#include <span>

#include "node/async/clock.hpp"
#include "node/net/datagrams.hpp"

namespace kp2p {

class Coalescing {
  public:
    static constexpr Clock::Span pause = std::chrono::milliseconds(2);

    // Whether the next are better read after the pause: a stream comes in, so slowly that each wake
    // finds few of its datagrams, and what comes during the pause fits into any socket's buffer.
    bool pays(Clock::Time now, std::span<const Datagram> batch) {
        for (const Datagram& datagram : batch) full_ += datagram.bytes.size() >= full_bytes;
        if (now - since_ >= window) {
            const auto pauses = static_cast<std::size_t>((now - since_) / pause);
            pays_ = full_ >= 4 * pauses && full_ <= 64 * pauses;
            since_ = now;
            full_ = 0;
        }
        return pays_ && batch.size() < few;
    }

  private:
    static constexpr std::size_t full_bytes = 1000, few = 16;
    static constexpr Clock::Span window = 4 * pause;

    Clock::Time since_{};
    std::size_t full_ = 0;  // datagrams that carry a stream, since then
    bool pays_ = false;
};

}  // namespace kp2p
