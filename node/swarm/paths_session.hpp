// PathsSession: over one connection, tells the peer where else we may be reached and what we are
// called, and hears the same of it, and likewise which relays there are for who has no UDP; all
// this only once a channel has been proven (proto/PROTOCOL.md, section 3). Shape: accept() before
// the connection is started, then spawn run(), which ends with the connection.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "node/async/clock.hpp"
#include "node/transport/connection.hpp"
#include "proto/paths/candidates.hpp"
#include "proto/paths/label.hpp"
#include "proto/paths/relay_urls.hpp"

namespace kp2p {

using Candidates = std::vector<proto::Candidate>;

struct PathsParts {
    Clock& clock;
    std::function<Candidates()> own;               // as of now
    Event& own_changed;                            // they may have
    std::function<bool(const NodeId&)> is_member;  // of a channel of ours, proven
    std::function<void(Candidates)> heard;  // what the peer says; instead of what it said before
    std::vector<std::string> relays = {};   // URLs of those that we use and tell others
    std::function<void(std::vector<std::string>)> heard_relays = nullptr;
    std::optional<NodeLabel> label = {};         // our own
    std::function<void(NodeLabel)> called = {};  // what the peer is
};

class PathsSession {
  public:
    PathsSession(PathsParts parts, std::shared_ptr<Connection> connection);

    void accept();
    Task<> run();

  private:
    Task<> tell_loop(std::shared_ptr<MuxChannel> channel);
    // Errc::unknown_type for what is none of the messages.
    Result<void> hear(std::uint64_t type, ByteView payload);
    Task<> hear_loop(std::shared_ptr<MuxChannel> channel, Tasks& all);

    PathsParts parts_;
    std::shared_ptr<Connection> connection_;
};

}  // namespace kp2p
