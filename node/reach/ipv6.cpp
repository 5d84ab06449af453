// To a node that has IPv6, as we have.
#include "node/reach/approach.hpp"
#include "node/reach/heed.hpp"
#include "node/reach/ipv6_door.hpp"

namespace kp2p {

std::optional<Approach> ipv6_approach(const Greeted& greeted) {
    if (!greeted.door) return std::nullopt;
    const auto places = greeted.door->places(greeted.answer.payload.addresses6);
    if (places.empty()) return std::nullopt;
    return heeding_approach(greeted, {[door = greeted.door, places] { return door->meet(places); },
                                      {.code = Finding::Code::path_silent,
                                       .node = greeted.remote,
                                       .what = places.front().text(),
                                       .path = TriedPath{TriedPath::Way::direct, places.front()}}});
}

}  // namespace kp2p
