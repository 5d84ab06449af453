// A node of the flood whose neighbours say whatever the bytes say; what it keeps stays bounded.
#include "proto/lookup/flood.hpp"

using namespace kp2p;
using namespace kp2p::proto;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Flood::Time now{};
    Flood flood(now, NodeId());
    for (std::size_t at = 0; at + 4 <= size; at += 4) {
        const std::uint8_t* d = data + at;
        RequestId request;
        request.data()[0] = d[3];
        NodeId node;
        node.data()[0] = d[2];
        now += std::chrono::milliseconds(d[1] * 4);
        const EdgeKey edge = d[1] % 8;
        if (d[0] % 8 == 0) flood.add_edge(now, edge, {d[2] % 2u, node});
        if (d[0] % 8 == 1) flood.remove_edge(edge);
        if (d[0] % 8 == 2) flood.search(now, d[2] % 4, Sha1(), request);
        if (d[0] % 8 == 3) flood.end_search(d[2] % 4);
        if (d[0] % 8 == 4) flood.receive(now, edge, Seeking{request, Sha1(), d[2]});
        if (d[0] % 8 == 5) flood.receive(now, edge, Providing{request, Sha1(), 1, node, true});
        if (d[0] % 8 == 6) flood.receive(now, edge, Lacking{request});
        if (d[0] % 8 == 7) flood.expire(now);
        for (const Flood::Event& event : flood.take_events())
            if (const auto* look = std::get_if<Flood::Look>(&event))
                flood.looked(look->ticket, LocalFile{d[2], true});
        if (flood.take_events().size() > 64) __builtin_trap();
    }
    return 0;
}
