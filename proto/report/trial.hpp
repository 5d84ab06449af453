// Trial: one way to a node, tried to its end: how long that took, and why it failed, if it did.
#pragma once

#include <functional>

#include "proto/report/finding.hpp"

namespace kp2p {

struct Trial {
    // found: the node has answered over the DHT, which is no path yet; open: there is a connection.
    enum class What { found, open, tried };

    What what = What::tried;
    TriedPath path = {};
    std::chrono::milliseconds took{};  // of an open connection: there and back
    std::optional<Finding> failure = {};
};

using OnTrial = std::function<void(const Trial&)>;

}  // namespace kp2p
