// TcpDialer: connects to a node by its public key over TCP, where it is said to listen.
#pragma once

#include "node/async/runtime.hpp"
#include "node/reach/handshake.hpp"
#include "node/transport/byte_streams.hpp"
#include "proto/report/finding.hpp"

namespace kp2p {

class Tasks;

class TcpDialer {
  public:
    static constexpr std::size_t max_addresses = 16;  // tried at once; further ones are not
    static constexpr std::chrono::seconds connect_limit{8}, handshake_limit{10};

    TcpDialer(Runtime& runtime, ByteStreams& streams, proto::KeyPair keys);

    // Tries all at once; the first that has proven the key wins. When it fails, which is
    // Errc::cannot_connect, `why` has a reason for each.
    Task<Result<Link>> dial(NodeId remote, std::vector<Endpoint> addresses, Findings& why);

  private:
    struct Attempts;
    Task<> try_one(Attempts& attempts, Endpoint address, Tasks& all);
    Task<Result<Link>> try_address(NodeId remote, Endpoint address, Finding& failure);

    Runtime& runtime_;
    ByteStreams& streams_;
    proto::KeyPair keys_;
};

}  // namespace kp2p
