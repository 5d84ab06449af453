// Twin: another node that runs with our key, as after a home directory was copied. Whoever dials
// the key reaches now one, now the other, and the two take each other for themselves. It shows by
// an answer to a handshake that we make with our own key, and by such a handshake that is not of
// our making. Source: proto/PROTOCOL.md, "Two nodes with one key". Shape: greet wherever our key
// is said to be; acceptors tell what came.
#pragma once

#include <deque>

#include "node/reach/handshake.hpp"
#include "node/transport/byte_streams.hpp"

namespace kp2p {

class Twin {
  public:
    // Of what was seen. Announcers greet every 5 min.
    static constexpr std::chrono::minutes memory{20};

    Twin(Runtime& runtime, Dht& dht, const proto::KeyPair& keys)
        : runtime_(runtime), dht_(dht), keys_(keys) {}

    // Through a node of the DHT that has a record of our key.
    Task<> greet_through(Endpoint node);
    // Over TCP, where it is said to be.
    Task<> greet_at(ByteStreams& streams, Endpoint place);

    void sent(ByteView message);
    bool is_ours(ByteView message) const;
    void seen(const std::string& at);
    // Where one was seen of late; empty: none was.
    std::string place() const;

  private:
    Runtime& runtime_;
    Dht& dht_;
    const proto::KeyPair& keys_;
    std::deque<Hash32> sent_;  // hashes of the latest handshakes
    std::string place_;
    Clock::Time seen_at_{};
};

}  // namespace kp2p
