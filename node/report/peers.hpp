// Whom a node is connected to, and how, for status and doctor.
#pragma once

#include <string>
#include <vector>

#include "node/transport/path.hpp"
#include "proto/json.hpp"

namespace kp2p {

struct PeerReport {
    NodeId node;
    std::vector<std::string> channels;  // that both are in
    std::vector<Path> paths;            // of its connections, the best first
    std::vector<Finding> not_taken;     // why better ones, tried last, do not come about
    std::string label = {};             // what it calls itself; may be empty
};
// A node that was found in a channel, and that we are not connected to.
struct UnreachedReport {
    NodeId node;
    std::vector<Finding> why;
};

// Arrays, as in node/api/API.md.
void write_peers(proto::JsonWriter& json, Clock::Time now, const std::vector<PeerReport>& peers);
void write_unreached(proto::JsonWriter& json, const std::vector<UnreachedReport>& nodes);

}  // namespace kp2p
