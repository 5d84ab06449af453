// Peers: what sharing needs of the swarm. The daemon passes the swarm through an adapter; tests
// pass connections in memory.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "node/async/asio.hpp"
#include "node/async/clock.hpp"
#include "proto/bytes.hpp"
#include "proto/report/finding.hpp"
#include "proto/result.hpp"

namespace kp2p {

class Connection;

class Peers {
  public:
    virtual ~Peers() = default;
    // Announces the topic, looks others up under it, and connects to them.
    virtual void join(const Topic& topic) = 0;
    virtual void leave(const Topic& topic) = 0;
    // True while a first lookup of the topic, or the connections it led to, are under way: that
    // nobody has answered yet means nothing then.
    virtual bool settling(const Topic& topic) const = 0;
    // Whether the topic was looked up after `since`, or a moment before it, and not for the first
    // time, so that all who had joined it by then are known. Otherwise it soon is.
    virtual bool looked_up_again(const Topic& topic, Clock::Time since) = 0;
    // A connection to one node, being served already; the existing one if there is one.
    virtual Task<Result<std::shared_ptr<Connection>>> connect(NodeId node) = 0;
    // Of several to it that are served, the best; null if it is not known.
    virtual std::shared_ptr<Connection> best(const NodeId& node) const = 0;
    // Why the last attempt failed; empty if none did.
    virtual std::vector<Finding> why_not(const NodeId& node) const = 0;
    // Why nodes that were found under the topic could not be connected to: the nearest cause for
    // each of some of them.
    virtual std::vector<Finding> why_none(const Topic& topic) const = 0;
    // Why nobody at all may be found just now; nothing if the network answers.
    virtual std::optional<Finding> network_trouble() const { return std::nullopt; }
    // Another node that runs with our key.
    virtual std::optional<Finding> twin() const { return std::nullopt; }
};

}  // namespace kp2p
