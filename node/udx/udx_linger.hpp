// UdxLinger: what closed streams still say. A peer whose last packet or whose news of our closing
// got lost would otherwise repeat itself into silence for 13 seconds. For a few seconds each late
// packet that a peer repeats until it is heard (DATA, END, HEARTBEAT) is answered with the stream's
// last word; a DESTROY is also repeated unasked. What says no more than such a word itself is not
// answered, or two ends would go on answering each other. Holds at most
// max_entries, and drops the oldest first. Only the repetitions need to be called for by time, so
// that a process which stops is not held up.
#pragma once

#include <array>
#include <deque>
#include <optional>
#include <unordered_map>

#include "node/async/clock.hpp"
#include "node/net/datagrams.hpp"
#include "proto/udx/packet.hpp"

namespace kp2p {

class UdxLinger {
  public:
    static constexpr std::size_t max_entries = 1024;
    using Word = std::array<std::uint8_t, proto::udx::header_bytes>;

    struct Entry {
        Word word{};
        Datagrams* socket = nullptr;
        Endpoint remote;
        int repeats_left = 0;  // unasked, a few milliseconds apart
        int answers_left = 16;
        Clock::Time until{};
    };
    void add(Clock::Time now, std::uint32_t id, Entry entry);
    bool holds(std::uint32_t id) const { return entries_.contains(id); }
    // A packet for a closed stream. False if we know nothing of it.
    bool answer(Clock::Time now, const proto::udx::Header& header);
    // When to call repeat().
    std::optional<Clock::Time> deadline() const;
    void repeat(Clock::Time now);
    void forget(const Datagrams& socket);

  private:
    void drop_old(Clock::Time now);

    std::unordered_map<std::uint32_t, Entry> entries_;
    std::deque<std::pair<Clock::Time, std::uint32_t>> ends_;  // in order; some are gone already
    std::deque<std::pair<Clock::Time, std::uint32_t>> repeats_;
};

}  // namespace kp2p
