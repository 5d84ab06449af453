// The messages of the Protomux protocol blind-relay, by which two nodes have a third one forward
// the packets of a UDX stream between them. Each opens a channel to the relay, whose id is the
// node's own public key, and names what both know: a token. Source: npm blind-relay 1.6.1.
//   0 pair   := flags:u8 token:32 id:uint seq:uint    both ways; flag 1: from, or to, the initiator
//   1 unpair := flags:u8 token:32                     to the relay
// The id is that of the sender's end of the stream: the node's own, and in the relay's answer the
// one to send to. A seq has no meaning any more.
#pragma once

#include <variant>

#include "proto/encoded.hpp"
#include "proto/result.hpp"

namespace kp2p::proto {

inline constexpr char blind_relay_protocol[] = "blind-relay";

using RelayToken = Bytes<struct RelayTokenTag, 32>;
enum class PairSide : std::uint8_t { responder = 0, initiator = 1 };

struct RelayPair {
    PairSide side = PairSide::responder;
    RelayToken token;
    std::uint32_t stream_id = 0;
    friend bool operator==(const RelayPair&, const RelayPair&) = default;
};
struct RelayUnpair {
    RelayToken token;
    friend bool operator==(const RelayUnpair&, const RelayUnpair&) = default;
};
using RelayMessage = std::variant<RelayPair, RelayUnpair>;

Encoded encode(const RelayMessage& message);
// Errc::unknown_type for another type: ignore it.
Result<RelayMessage> decode_relay_message(std::uint64_t type, ByteView payload);

}  // namespace kp2p::proto
