// RelaySession: relaying over one connection, in both roles. A relay offers itself to members by
// opening the channel first; anybody may ask by opening it. Shape: accept() before the connection
// is started, then spawn run(), which ends with the connection.
#pragma once

#include "node/relay/relay_client.hpp"
#include "node/relay/stream_relay.hpp"

namespace kp2p {

class RelaySession {
  public:
    struct Parts {
        Runtime& runtime;
        StreamRelay& server;
        RelayClient& client;
        NodeId own;
    };
    RelaySession(const Parts& parts, std::shared_ptr<Connection> connection);

    ~RelaySession();
    RelaySession(const RelaySession&) = delete;

    void accept();
    Task<> run();
    // The other shall relay, though it has not offered to.
    void ask();

  private:
    struct Role {
        ByteVector name;  // of the channel, by whose client it is
        bool wanted = false, open = false;
    };
    Task<Result<void>> wanted(Role& role);
    Task<> serve_loop();
    Task<> offer_loop();
    Task<> use_loop();

    Parts parts_;
    std::shared_ptr<Connection> connection_;
    Role relay_, client_;  // that we are
    Event changed_;
};

}  // namespace kp2p
