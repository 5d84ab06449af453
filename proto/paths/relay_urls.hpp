// Another message of the Protomux protocol kp2p/paths/1: the kp2p-relays (node/process/relay.hpp)
// that a member uses, for who is somewhere without UDP one day. Source: proto/PROTOCOL.md,
// section 3.
//   1 relays := count:uint count*(url:buffer)            said once
// A URL holds the relay's token, so they are told to members alone. What a URL is, is for the
// reader of it to find out (proto/tunnel/relay_url.hpp).
#pragma once

#include <string>
#include <vector>

#include "proto/encoded.hpp"
#include "proto/result.hpp"

namespace kp2p::proto {

inline constexpr std::size_t max_relay_urls = 4;
inline constexpr std::size_t max_relay_url_bytes = 512;

// At most max_relay_urls of them, and none that is too long.
Encoded encode_relay_urls(const std::vector<std::string>& urls);
// Errc::unknown_type for another type: ignore it. Errc::too_long for more than max_relay_urls, or
// more than max_relay_url_bytes in one.
Result<std::vector<std::string>> decode_relay_urls(std::uint64_t type, ByteView payload);

}  // namespace kp2p::proto
