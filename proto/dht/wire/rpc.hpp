// RPC datagrams of the DHT, requests and replies. Little-endian. Source: npm dht-rpc 6.27.0
// (lib/io.js); flags are a uint in what we read, always one byte in what we write.
//   request := 03 flags tid:u16 to:addr4 [id:32 if 1] [token:32 if 2] command:uint
//              [target:32 if 8] [value:buffer if 16]            flag 4: an internal command
//   reply   := 13 flags tid:u16 to:addr4 [id:32 if 1] [token:32 if 2]
//              [closer nodes:array<addr4> if 4] [error:uint if 8] [value:buffer if 16]
// Trailing bytes and unknown flags are ignored; anything else that is wrong makes the whole
// datagram undecodable.
#pragma once

#include <optional>
#include <variant>
#include <vector>

#include "proto/dht/wire/id.hpp"

namespace kp2p::proto::dht {

constexpr std::size_t max_datagram_bytes = 2048;  // what the reference reads
constexpr std::size_t max_closer_nodes = 20;      // what is ever sent; more are ignored

// The two sets of commands overlap in number; Command keeps them apart.
enum class Command : std::uint64_t {
    peer_handshake = 0,
    peer_holepunch = 1,
    find_peer = 2,
    lookup = 3,
    announce = 4,
    unannounce = 5,
    mutable_put = 6,
    mutable_get = 7,
    immutable_put = 8,
    immutable_get = 9,
    plugin = 10,
};
enum class InternalCommand : std::uint64_t {
    ping = 0,
    ping_nat = 1,
    find_node = 2,
    down_hint = 3,
    delayed_ping = 4,
};
using AnyCommand = std::variant<Command, InternalCommand>;  // may hold unknown numbers

enum RpcError : std::uint64_t {
    rpc_ok = 0,
    rpc_unknown_command = 1,
    rpc_invalid_token = 2,
    rpc_seq_reused = 16,
    rpc_seq_too_low = 17,
};

struct Request {
    std::uint16_t tid = 0;
    Endpoint to;              // where the sender sends it: our address as it sees it
    std::optional<DhtId> id;  // as claimed; see verified_id()
    std::optional<Token> token;
    AnyCommand command = InternalCommand::ping;
    std::optional<DhtId> target;
    std::optional<ByteVector> value;
};

struct Reply {
    std::uint16_t tid = 0;
    Endpoint to;
    std::optional<DhtId> id;
    std::optional<Token> token;
    std::vector<Endpoint> closer_nodes;
    std::uint64_t error = rpc_ok;
    std::optional<ByteVector> value;
};

ByteVector encode(const Request& request);
ByteVector encode(const Reply& reply);
// proto::Errc::unknown_type for a datagram of another protocol or version.
Result<std::variant<Request, Reply>> decode_rpc(ByteView datagram);

// The id if it is the one that belongs to the address the datagram came from.
std::optional<DhtId> verified_id(const std::optional<DhtId>& claimed, const Endpoint& from);

}  // namespace kp2p::proto::dht
