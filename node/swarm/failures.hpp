// Failures: why nodes could not be connected to, each the last time. Who is still found, or named,
// is dialed again and again: what is older than that takes is of one that nobody speaks of any
// more, and is not told.
#pragma once

#include <algorithm>
#include <chrono>
#include <map>
#include <utility>
#include <vector>

#include "proto/report/finding.hpp"

namespace kp2p {

class Failures {
  public:
    using Time = std::chrono::steady_clock::time_point;
    using Why = std::vector<Finding>;  // the nearest cause first

    static constexpr std::chrono::minutes memory{30};
    static constexpr std::size_t max_nodes = 256;

    void note(Time now, const NodeId& node, Why why) {
        if (failures_.size() >= max_nodes && !failures_.contains(node))
            failures_.erase(std::ranges::min_element(
                failures_, {}, [](const auto& entry) { return entry.second.at; }));
        failures_[node] = {now, std::move(why)};
    }
    void forget(const NodeId& node) { failures_.erase(node); }
    Why of(Time now, const NodeId& node) const {
        const auto found = failures_.find(node);
        const bool told = found != failures_.end() && now - found->second.at < memory;
        return told ? found->second.why : Why();
    }
    // Those that run before those of which not even that is known.
    std::vector<std::pair<NodeId, Why>> all(Time now) const {
        std::vector<std::pair<NodeId, Why>> told;
        for (const auto& [node, failure] : failures_)
            if (now - failure.at < memory && !failure.why.empty())
                told.emplace_back(node, failure.why);
        std::ranges::stable_sort(told, std::greater(), [](const auto& entry) {
            return node_runs(entry.second.front().code);
        });
        return told;
    }

  private:
    struct Failure {
        Time at{};
        Why why;
    };

    std::map<NodeId, Failure> failures_;
};

}  // namespace kp2p
