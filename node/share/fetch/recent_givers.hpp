// RecentGivers: the nodes that gave the latest files. Who asks for one file after another finds the
// next where the last one was, more often than not, and is spared a search.
#pragma once

#include <algorithm>
#include <vector>

#include "proto/bytes.hpp"

namespace kp2p {

class RecentGivers {
  public:
    static constexpr std::size_t max_nodes = 2;

    void gave(const NodeId& node) {
        if (!nodes_.empty() && nodes_.front() == node) return;
        std::erase(nodes_, node);
        nodes_.insert(nodes_.begin(), node);
        if (nodes_.size() > max_nodes) nodes_.pop_back();
    }
    // It did not have what it was asked for on a guess.
    void lacked(const NodeId& node) { std::erase(nodes_, node); }
    const std::vector<NodeId>& nodes() const { return nodes_; }  // the latest first

  private:
    std::vector<NodeId> nodes_;
};

}  // namespace kp2p
