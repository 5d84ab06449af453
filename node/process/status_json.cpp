#include "node/process/status_json.hpp"

#include "proto/byte_size.hpp"
#include "proto/report/json.hpp"

namespace kp2p {
namespace {

void write_address(proto::JsonWriter& json, const char* key, const std::optional<Endpoint>& at) {
    json.key(key);
    if (at)
        json.value(at->text());
    else
        json.null();
}

std::string_view mapping_state(const NodeStatus& now) {
    if (now.mapping_words.empty()) return "off";
    if (!now.mapping) return "none";
    return now.mapping->method == Mapping::Method::upnp ? "upnp" : "nat-pmp";
}

}  // namespace

std::string status_json(const NodeStatus& status, Clock::Time now, std::uint16_t api_port) {
    const auto up = std::chrono::duration_cast<std::chrono::seconds>(status.up);
    proto::JsonWriter json;
    json.begin_object().field("version", KP2P_VERSION).field("node", status.node.hex());
    json.field("label", status.label);
    json.field("udp", status.udp.text());
    write_address(json, "tcp", status.tcp);
    json.field("port", status.udp.port).field("api_port", api_port);
    write_address(json, "public_address", status.public_address);
    json.field("port_mapping", mapping_state(status));
    write_address(json, "mapped_udp", status.mapping ? status.mapping->udp() : std::nullopt);
    write_address(json, "mapped_tcp", status.mapping ? status.mapping->tcp() : std::nullopt);
    json.field("port_mapping_message", status.mapping_words);
    json.key("tunnel");
    if (status.tunnel)
        json.value(*status.tunnel);
    else
        json.null();
    json.key("twin");
    if (status.twin)
        json.value(status.twin->what);
    else
        json.null();
    json.field("firewalled", status.firewalled).field("bootstrapped", status.in_network);
    json.field("dht_nodes", status.dht_nodes).field("connections", status.connections);
    json.key("channels").begin_array();
    for (const auto* names : {&status.channels, &status.expected_channels})
        for (const ChannelName& name : *names) json.value(name.text());
    json.end_array().key("peers");
    write_peers(json, now, status.peers);
    json.field("storage_dir", status.storage_dir.string());
    const RelayCounts& relay = status.relay;
    json.key("relay").begin_object().field("serves", relay.serves).field("pairs", relay.pairs);
    json.field("waiting", relay.waiting).field("all_pairs", relay.all_pairs);
    json.field("refused", relay.refused).field("packets", relay.forwarded.packets);
    json.field("bytes", relay.forwarded.bytes);
    json.field("lost_packets", relay.forwarded.lost).end_object();
    json.field("partial_files", status.partials.files);
    json.field("partial_bytes", status.partials.bytes);
    json.field("received_bytes", status.traffic.all().received);
    json.field("given_bytes", status.traffic.all().given);
    return json.field("uptime_seconds", up.count()).end_object().take();
}

std::string status_line(const Node::Brief& now) {
    using proto::count_words;
    return count_words(now.peers, "peer") + ", " + count_words(now.channels, "channel") + ", " +
           count_words(now.moving.loads, "file") + " being loaded, " +
           std::to_string(now.moving.gives) + " given";
}

std::string doctor_json(const NodeHealth& health, Clock::Time now) {
    proto::JsonWriter json;
    json.begin_object().key("checks").begin_array();
    for (const Check& check : examine(health.facts)) {
        json.begin_object();
        write_check(json, check);
        json.end_object();
    }
    json.end_array().key("peers");
    write_peers(json, now, health.peers);
    json.key("unreached");
    write_unreached(json, health.unreached);
    return json.end_object().take();
}

}  // namespace kp2p
