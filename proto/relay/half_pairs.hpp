// HalfPairs: those who have asked a relay to be paired, and whose other side has not come yet. A
// member of a channel of ours may wait several times over, up to a limit; all strangers share one,
// and the first of them goes for a new one. Two strangers are never paired. Policy only: no I/O,
// time is passed in.
#pragma once

#include <chrono>
#include <map>
#include <optional>

#include "proto/relay/blind_relay.hpp"

namespace kp2p::proto {

class HalfPairs {
  public:
    using Time = std::chrono::steady_clock::time_point;
    // The reference's client waits for 15 seconds.
    static constexpr std::chrono::seconds patience{20};
    static constexpr std::size_t max_of_member = 16, max_of_strangers = 64, max_all = 512;

    enum class Standing { member, stranger };
    struct Half {
        NodeId node;
        std::uint64_t session = 0;  // of the node: the channel that it asked over
        Standing standing = Standing::stranger;
        RelayPair asked;
    };
    enum class Refused { twice, too_many, strangers };
    struct Outcome {
        std::optional<Half> other;       // the pair is complete, and no half of it waits any more
        std::optional<Refused> refused;  // neither: it waits
    };
    Outcome add(Time now, const Half& half);
    // What the session asked for with this token, or with any.
    bool remove(std::uint64_t session, const RelayToken& token);
    void remove(std::uint64_t session);
    void expire(Time now);
    std::size_t size() const { return waiting_.size(); }

  private:
    struct Waiting {
        Half half;
        Time since;
    };
    using All = std::multimap<RelayToken, Waiting>;
    std::optional<Refused> make_room(const Half& half);

    All waiting_;
};

}  // namespace kp2p::proto
