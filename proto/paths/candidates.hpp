// The message of the Protomux protocol kp2p/paths/1: where else a node may be reached. Source:
// proto/PROTOCOL.md, section 3.
//   0 candidates := count:uint count*candidate           all there are now; instead of earlier ones
//   candidate    := transport:u8 origin:u8 addr6
#pragma once

#include <vector>

#include "proto/encoded.hpp"
#include "proto/endpoint.hpp"

namespace kp2p::proto {

inline constexpr char paths_protocol[] = "kp2p/paths/1";
inline constexpr std::size_t max_candidates = 64;

struct Candidate {
    enum class Transport : std::uint8_t { udp = 0, tcp = 1 };
    enum class Origin : std::uint8_t { local = 0, observed = 1, mapped = 2, relayed = 3 };

    Transport transport = Transport::udp;
    Origin origin = Origin::local;
    Endpoint endpoint;
    friend auto operator<=>(const Candidate&, const Candidate&) = default;
};

// At most max_candidates of them.
Encoded encode(const std::vector<Candidate>& candidates);
// Without those of which this version does not know transport or origin, and those that lead
// nowhere, whoever dials: no port, no host, many hosts. Errc::unknown_type for another type: ignore
// it. Errc::too_long for more than max_candidates.
Result<std::vector<Candidate>> decode_candidates(std::uint64_t type, ByteView payload);

}  // namespace kp2p::proto
