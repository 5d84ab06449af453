// ByteStreams: the door to the network for streams that need no handshake of ours before they are
// there: TCP, or in tests pipes in memory. One listening port, and connecting to others. What comes
// of either is with nobody proven yet. Used by one thread.
#pragma once

#include "node/transport/byte_stream.hpp"

namespace kp2p {

class ByteStreams {
  public:
    virtual ~ByteStreams() = default;
    virtual Endpoint local() const = 0;  // where it listens
    // The next that somebody has opened to us. An error is final.
    virtual Task<Result<std::unique_ptr<ByteStream>>> accept() = 0;
    virtual Task<Result<std::unique_ptr<ByteStream>>> connect(Endpoint to) = 0;
};

}  // namespace kp2p
