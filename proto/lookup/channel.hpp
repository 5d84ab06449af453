// Channels: groups of nodes that know a common name. The name is the secret; everything that a
// node shows of it is derived one way. Source: proto/PROTOCOL.md, section 2.
//   channel key  = Argon2id(name, salt "kp2p channel key", INTERACTIVE)        32 bytes, secret
//   topic        = BLAKE2b-256(key; "kp2p topic")                             public, on the DHT
//   lookup id    = BLAKE2b-256(key; "kp2p lookup" || handshake hash)          one per connection
//   proof        = BLAKE2b-256(key; "kp2p member" || handshake hash || role)  one per side of it
#pragma once

#include <string>
#include <string_view>

#include "proto/bytes.hpp"
#include "proto/crypto/noise.hpp"

namespace kp2p {

// 1 to 200 bytes of UTF-8 without control characters, nor blanks around, and no invitation.
class ChannelName {
  public:
    static constexpr std::size_t max_bytes = 200;
    static constexpr std::string_view invitation_scheme = "kp2p:join";
    // For a person who gave what is none.
    static constexpr const char* rule =
        "a channel's name is 1 to 200 bytes of text in one line; kp2p-join takes invitations";
    static Result<ChannelName> parse(std::string_view text);  // blanks around it go; Errc::usage
    const std::string& text() const { return text_; }
    friend auto operator<=>(const ChannelName&, const ChannelName&) = default;

  private:
    explicit ChannelName(std::string_view text) : text_(text) {}
    std::string text_;
};

using ChannelKey = Bytes<struct ChannelKeyTag, 32>;
using LookupId = Bytes<struct LookupIdTag, 32>;
using MembershipProof = Bytes<struct MembershipProofTag, 32>;

}  // namespace kp2p

namespace kp2p::proto {

// Takes about 0.1 s and 64 MiB, which are given back. Fails only for lack of memory.
Result<ChannelKey> derive_channel_key(const kp2p::ChannelName& name);
Topic channel_topic(const ChannelKey& key);
LookupId lookup_id(const ChannelKey& key, const HandshakeHash& handshake);
// The proof that the node in this role of the connection knows the channel's name.
MembershipProof membership_proof(const ChannelKey& key, const HandshakeHash& handshake, Role role);
bool proves_membership(const MembershipProof& expected, ByteView shown);  // in constant time

}  // namespace kp2p::proto
