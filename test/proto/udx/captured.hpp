// Packets captured from the reference implementation, as test/vectors/udx.json stores them.
#pragma once

#include <string>
#include <vector>

#include "proto/udx/packet.hpp"
#include "test/vectors.hpp"

namespace kp2p::test {

struct Captured {
    double at_ms = 0;
    std::string direction;
    bool dropped = false;  // on its way
    std::string path;      // or hop, where the session has several
    ByteVector bytes;
};

// Nothing if the entry is an event, or a packet too long to be stored.
inline std::vector<Captured> captured(simdjson::dom::element entry) {
    Captured packet;
    std::string_view text;
    if (entry["dir"].get(text)) return {};
    packet.direction = text;
    packet.at_ms = double(entry["t_ms"]);
    bool dropped = false;
    packet.dropped = !entry["dropped_by_proxy"].get(dropped) && dropped;
    for (const char* name : {"path", "hop"})
        if (!entry[name].get(text)) packet.path = text;
    if (!entry["hex"].get(text)) {
        packet.bytes = *from_hex(text);
    } else if (!entry["head_hex"].get(text)) {
        packet.bytes = *from_hex(text);
        packet.bytes.resize(packet.bytes.size() +
                            std::size_t(std::uint64_t(entry["padding_zero_bytes"])));
        const auto fill = *from_hex(std::string_view(entry["payload_fill"]));
        const auto size = std::uint64_t(entry["payload_fill_len"]);
        packet.bytes.insert(packet.bytes.end(), size, fill.empty() ? 0 : fill[0]);
    } else {
        return {};
    }
    return {packet};
}

inline simdjson::dom::element udx_vector(std::string_view name) {
    static const simdjson::dom::element all = vectors("udx");
    for (simdjson::dom::element vector : simdjson::dom::array(all["vectors"]))
        if (std::string_view(vector["name"]) == name) return vector;
    throw std::out_of_range(std::string(name));
}

inline std::vector<Captured> captured_session(std::string_view name) {
    std::vector<Captured> packets;
    for (simdjson::dom::element entry :
         simdjson::dom::array(udx_vector(name)["expected"]["packets"]))
        for (Captured& packet : captured(entry)) packets.push_back(std::move(packet));
    return packets;
}

}  // namespace kp2p::test
