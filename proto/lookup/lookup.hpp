// Messages of the Protomux protocol kp2p/lookup/1: who has a file. Source: proto/PROTOCOL.md,
// section 4.
//   0 seeking   := request:16 file:20 hops:u8
//   1 providing := request:16 file:20 size:uint node:32 flags:u8      flags bit 0: complete
//   2 lacking   := request:16
#pragma once

#include <variant>

#include "proto/encoded.hpp"

namespace kp2p {

using RequestId = Bytes<struct RequestIdTag, 16>;

}  // namespace kp2p

namespace kp2p::proto {

inline constexpr char lookup_protocol[] = "kp2p/lookup/1";
inline constexpr std::uint8_t max_hops = 4;

struct Seeking {
    RequestId request;
    Sha1 file;
    std::uint8_t hops = 0;  // how often it may still be passed on; above max_hops is read as that
    friend bool operator==(const Seeking&, const Seeking&) = default;
};
struct Providing {
    RequestId request;
    Sha1 file;
    std::uint64_t size_bytes = 0;  // a claim
    NodeId node;
    bool complete = false;
    friend bool operator==(const Providing&, const Providing&) = default;
};
struct Lacking {  // no more answers will come
    RequestId request;
    friend bool operator==(const Lacking&, const Lacking&) = default;
};
using LookupMessage = std::variant<Seeking, Providing, Lacking>;

Encoded encode(const LookupMessage& message);
// Errc::unknown_type for a type that this version does not have: ignore it.
Result<LookupMessage> decode_lookup(std::uint64_t type, ByteView payload);

}  // namespace kp2p::proto
