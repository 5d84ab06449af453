// What a node shows of itself in its LAN, as the TXT record of a DNS-SD service: its key, and a tag
// for each of some of its channels, which only who knows the channel's key can tell from random
// bytes. Source: proto/PROTOCOL.md, section 3; RFC 6763, section 6.
//   TXT  := 1*(length:u8 "key=value")     v=1, n=node:32, s=salt:16, c=15*tag:8; values in hex
//   tag  := the first 8 bytes of BLAKE2b-256(channel key; "kp2p lan" || salt || node)
#pragma once

#include <array>

#include "proto/lookup/channel.hpp"

namespace kp2p::proto {

using LanSalt = Bytes<struct LanSaltTag, 16>;
using LanTag = Bytes<struct LanTagTag, 8>;

inline constexpr char lan_service[] = "_kp2p._tcp";
inline constexpr std::size_t lan_tags = 15;
inline constexpr std::size_t max_lan_txt_bytes = 1300;

struct LanAnnouncement {
    NodeId node;
    LanSalt salt;
    std::array<LanTag, lan_tags> tags;  // of channels, and else random
    friend bool operator==(const LanAnnouncement&, const LanAnnouncement&) = default;

    bool shows(const ChannelKey& channel) const;
};

LanTag lan_tag(const ChannelKey& channel, const LanSalt& salt, const NodeId& node);
ByteVector encode(const LanAnnouncement& announcement);
// Unknown keys, and all but the first of equal ones, are ignored. Errc::too_long, truncated, or
// bad_text for what is none.
Result<LanAnnouncement> decode_lan_announcement(ByteView txt);

}  // namespace kp2p::proto
