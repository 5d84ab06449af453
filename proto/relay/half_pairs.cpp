#include "proto/relay/half_pairs.hpp"

#include <algorithm>

namespace kp2p::proto {

HalfPairs::Outcome HalfPairs::add(Time now, const Half& half) {
    expire(now);
    const auto [first, last] = waiting_.equal_range(half.asked.token);
    auto other = last;
    for (auto at = first; at != last; ++at) {
        if (at->second.half.asked.side == half.asked.side) return {{}, Refused::twice};
        other = at;
    }
    if (other != last) {
        const bool both = half.standing == Standing::stranger &&
                          other->second.half.standing == Standing::stranger;
        if (both) return {{}, Refused::strangers};
        Outcome paired{other->second.half, {}};
        waiting_.erase(other);
        return paired;
    }
    if (const auto refused = make_room(half)) return {{}, refused};
    waiting_.emplace(half.asked.token, Waiting{half, now});
    return {};
}

std::optional<HalfPairs::Refused> HalfPairs::make_room(const Half& half) {
    std::size_t alike = 0;
    auto oldest = waiting_.end();
    for (auto at = waiting_.begin(); at != waiting_.end(); ++at) {
        const Half& there = at->second.half;
        if (there.standing != half.standing) continue;
        if (half.standing == Standing::member && there.node != half.node) continue;
        alike++;
        if (oldest == waiting_.end() || at->second.since < oldest->second.since) oldest = at;
    }
    if (half.standing == Standing::member) {
        if (alike >= max_of_member || waiting_.size() >= max_all) return Refused::too_many;
    } else if (alike >= max_of_strangers) {
        waiting_.erase(oldest);
    }
    return std::nullopt;
}

bool HalfPairs::remove(std::uint64_t session, const RelayToken& token) {
    const auto [first, last] = waiting_.equal_range(token);
    for (auto at = first; at != last; ++at) {
        if (at->second.half.session != session) continue;
        waiting_.erase(at);
        return true;
    }
    return false;
}

void HalfPairs::remove(std::uint64_t session) {
    std::erase_if(waiting_, [&](const auto& w) { return w.second.half.session == session; });
}

void HalfPairs::expire(Time now) {
    std::erase_if(waiting_, [&](const auto& w) { return now - w.second.since >= patience; });
}

}  // namespace kp2p::proto
