#include "proto/paths/candidates.hpp"

#include <algorithm>

#include "proto/compact.hpp"
#include "proto/errc.hpp"

namespace kp2p::proto {
namespace {

constexpr std::uint64_t candidates_type = 0;
constexpr std::size_t candidate_bytes = 20;

bool leads_somewhere(const Endpoint& endpoint) {
    const HostKind kind = endpoint.host.kind();
    return endpoint.port != 0 && kind != HostKind::unspecified && kind != HostKind::multicast &&
           kind != HostKind::reserved;
}

}  // namespace

Encoded encode(const std::vector<Candidate>& candidates) {
    const std::size_t count = std::min(candidates.size(), max_candidates);
    Writer writer;
    writer.uint(count);
    for (std::size_t i = 0; i < count; ++i)
        writer.u8(static_cast<std::uint8_t>(candidates[i].transport))
            .u8(static_cast<std::uint8_t>(candidates[i].origin))
            .addr6(candidates[i].endpoint);
    return {candidates_type, writer.take()};
}

Result<std::vector<Candidate>> decode_candidates(std::uint64_t type, ByteView payload) {
    if (type != candidates_type) return Errc::unknown_type;
    Reader reader(payload);
    std::vector<Candidate> candidates;
    const std::size_t count = reader.count(candidate_bytes);
    if (count > max_candidates) return Errc::too_long;
    for (std::size_t i = 0; i < count; ++i) {
        const std::uint8_t transport = reader.u8(), origin = reader.u8();
        const Endpoint endpoint = reader.addr6();
        if (transport > 1 || origin > 3 || !leads_somewhere(endpoint)) continue;
        candidates.push_back(
            {Candidate::Transport(transport), Candidate::Origin(origin), endpoint});
    }
    if (auto read = reader.finish(); !read) return read.error();
    return candidates;
}

}  // namespace kp2p::proto
