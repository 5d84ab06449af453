// The proofs with which the daemon and a client of its HTTP API show each other over TCP that both
// know the API token, without sending it. node/api/API.md has the exchange.
//   proof := HMAC-SHA256(key = token, role 0x00 port:u16 client:32 server:32)
// `role` is "kp2p api server" or "kp2p api client", `port` the one that the client connected to,
// big-endian: whoever passes a proof on from another port has one that does not hold.
#pragma once

#include <cstdint>

#include "proto/bytes.hpp"

namespace kp2p::proto {

using ApiToken = Bytes<struct ApiTokenTag, 32>;
using ApiNonce = Bytes<struct ApiNonceTag, 32>;
using ApiProof = Bytes<struct ApiProofTag, 32>;

struct ApiHello {
    std::uint16_t port = 0;
    ApiNonce client, server;  // each drawn by its side for this connection
};

ApiProof server_proof(const ApiToken& token, const ApiHello& hello);
ApiProof client_proof(const ApiToken& token, const ApiHello& hello);
// In constant time.
bool same_proof(const ApiProof& one, const ApiProof& other);

}  // namespace kp2p::proto
