#include "node/swarm/places.hpp"

#include <algorithm>
#include <tuple>

namespace kp2p {

Places::Places(std::vector<Place> taken) : taken_(std::move(taken)) {
    for (const Place& place : taken_) {
        if (place.since) ++connected_;
        for (const Topic& topic : place.use.topics) {
            Count& count = topics_[topic];
            ++count.all;
            if (place.cause == Cause::topic) ++count.picked;
        }
    }
}

unsigned Places::need(const std::set<Topic>& topics) const {
    unsigned most = 0;
    for (const Topic& topic : topics) {
        const auto found = topics_.find(topic);
        const Count count = found == topics_.end() ? Count() : found->second;
        if (count.picked < picks) return 2;
        if (count.all < wanted && taken_.size() < max_sought) most = 1;
    }
    return most;
}

bool Places::full(Cause cause) const {
    return connected_ >= (cause == Cause::came ? max_came : max_connections);
}

std::optional<NodeId> Places::displaced(Time now, Cause cause) const {
    if (!full(cause)) return std::nullopt;
    const Place* least = least_useful(now, cause);
    return least ? std::optional(least->node) : std::nullopt;
}

bool Places::needed(const Place& place) const {
    return std::any_of(place.use.topics.begin(), place.use.topics.end(), [&](const Topic& topic) {
        const Count& count = topics_.at(topic);
        return count.all <= scarce || (place.cause == Cause::topic && count.picked <= picks);
    });
}

// Strangers go first, the oldest of them: a newcomer has the longest time to show that it is one
// of ours. Then those with whom nothing is under way, who came of themselves, with the fewest
// topics in common, the youngest: whoever comes again and again displaces his own kind.
const Place* Places::least_useful(Time now, Cause cause) const {
    const Place* least = nullptr;
    const auto rank = [now](const Place& place) {
        const auto age = now - *place.since;
        return std::tuple(!place.stranger, place.use.work, place.cause == Cause::topic,
                          place.use.topics.size(), place.stranger ? -age : age);
    };
    for (const Place& place : taken_) {
        if (!place.since || place.use.work == Work::busy) continue;
        const bool fresh = now - *place.since < grace;
        if (!place.stranger && cause != Cause::key && (fresh || needed(place))) continue;
        if (!least || rank(place) < rank(*least)) least = &place;
    }
    return least;
}

}  // namespace kp2p
