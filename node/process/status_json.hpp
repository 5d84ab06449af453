// What the daemon answers to who asks how it is: node/api/API.md.
#pragma once

#include "node/node.hpp"

namespace kp2p {

std::string status_json(const NodeStatus& status, Clock::Time now, std::uint16_t api_port);
std::string status_line(const Node::Brief& now);  // for people
// Measurements for Prometheus. No channel is named there.
struct MetricsFacts {
    const NodeStatus& status;
    Store::Usage storage;
    std::optional<std::uint64_t> quota_bytes;
    Rates::Now rates;
    std::vector<Rates::Now> channel_rates;              // of those that have any
    const std::map<std::string, std::uint64_t>& loads;  // by code_name(), "done" for no error
};
std::string metrics_text(const MetricsFacts& facts);
std::string doctor_json(const NodeHealth& health, Clock::Time now);

}  // namespace kp2p
