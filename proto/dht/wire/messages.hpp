// Values of the storage and discovery commands. Source: npm hyperdht 6.34.0 (lib/messages.js).
//   peer          := key:32 relays:array<addr4>
//   announce      := flags [peer if 1] [refresh:32 if 2] [signature:64 if 4] [bump:uint if 8]
//   lookup reply  := array<peer> bump:uint                  bump may be missing
//   mutable put   := key:32 seq:uint value:buffer signature:64
//   mutable reply := seq:uint value:buffer signature:64
//   plugin        := name:string version:uint command:uint flags [value:buffer if 1]
// decode() fails with a proto::Errc, ignores trailing bytes and unknown flags.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "proto/crypto/key_pair.hpp"
#include "proto/dht/wire/id.hpp"

namespace kp2p::proto::dht {

using Refresh = Bytes<struct RefreshTag, 32>;  // a link of the chain that renews an announce

struct PeerRecord {
    NodeId key;
    std::vector<Endpoint> relays;  // DHT nodes that reach it

    friend bool operator==(const PeerRecord&, const PeerRecord&) = default;
    ByteVector encode() const;
    static Result<PeerRecord> decode(ByteView bytes);
};

struct Announce {
    std::optional<PeerRecord> peer;
    std::optional<Refresh> refresh;
    std::optional<Signature> signature;
    std::uint64_t bump = 0;  // milliseconds since 1970, written when not 0

    friend bool operator==(const Announce&, const Announce&) = default;
    ByteVector encode() const;
    static Result<Announce> decode(ByteView bytes);
};

struct LookupReply {
    std::vector<PeerRecord> peers;
    std::uint64_t bump = 0;

    friend bool operator==(const LookupReply&, const LookupReply&) = default;
    ByteVector encode() const;
    static Result<LookupReply> decode(ByteView bytes);
};

struct MutablePut {
    NodeId key;
    std::uint64_t seq = 0;
    ByteVector value;
    Signature signature;

    friend bool operator==(const MutablePut&, const MutablePut&) = default;
    ByteVector encode() const;
    static Result<MutablePut> decode(ByteView bytes);
};

struct MutableReply {
    std::uint64_t seq = 0;
    ByteVector value;
    Signature signature;

    friend bool operator==(const MutableReply&, const MutableReply&) = default;
    ByteVector encode() const;
    static Result<MutableReply> decode(ByteView bytes);
};

struct PluginRequest {
    std::string plugin;
    std::uint64_t version = 0;
    std::uint64_t command = 0;
    std::optional<ByteVector> value;

    friend bool operator==(const PluginRequest&, const PluginRequest&) = default;
    ByteVector encode() const;
    static Result<PluginRequest> decode(ByteView bytes);
};

// What the value of a mutable record is signed over: seq and value, as they are encoded.
ByteVector encode_mutable_signable(std::uint64_t seq, ByteView value);

}  // namespace kp2p::proto::dht
