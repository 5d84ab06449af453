// Trust: which chunks a download has asked for of nodes that could not tell whether they are right,
// and how often a node has passed on a wrong one.
#pragma once

#include <map>

#include "proto/transfer/source.hpp"

namespace kp2p::proto {

class Trust {
  public:
    static constexpr int max_misled = 4;

    void asked(ChunkIndex index, SourceKey key, const Source& source) {
        if (source.has_proven(index))
            on_trust_.erase(index);
        else
            on_trust_[index] = key;
    }
    // Whether it was asked for so, of this source.
    bool covers(ChunkIndex index, SourceKey key) const {
        const auto asked = on_trust_.find(index);
        return asked != on_trust_.end() && asked->second == key;
    }
    void proven(ChunkIndex index) { on_trust_.erase(index); }
    // One was wrong. Whether that can be no accident any more.
    bool misled(std::uint64_t node) { return ++misled_[node] >= max_misled; }

  private:
    std::map<ChunkIndex, SourceKey> on_trust_;
    std::map<std::uint64_t, int> misled_;  // by Offer::node
};

}  // namespace kp2p::proto
