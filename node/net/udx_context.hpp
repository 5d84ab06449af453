// UdxContext: every UDX stream of the process by its id, over all sockets. Lives as long as the
// ports and the streams; used by the one thread of its executor.
#pragma once

#include <cstdint>

#include "node/async/clock.hpp"
#include "node/net/datagrams.hpp"

namespace kp2p {

class UdxContext {
  public:
    // Stream ids derive from `seed`, which must be unpredictable outside of tests.
    UdxContext(Executor executor, Clock& clock, std::uint64_t seed);
    UdxContext(const UdxContext&) = delete;
    UdxContext& operator=(const UdxContext&) = delete;
    ~UdxContext();

    // For UdpPort. True if the datagram names one of our streams, and was thereby consumed.
    bool receive(Datagrams& socket, const Datagram& datagram);
    // After a batch of receive(): acknowledges and sends what became possible.
    void flush();
    // The socket is going away: its streams end with Errc::closed.
    void forget(Datagrams& socket);

  private:
    Executor executor_;
    Clock& clock_;
    std::uint64_t seed_;
};

}  // namespace kp2p
