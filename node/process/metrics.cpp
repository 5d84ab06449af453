#include <algorithm>

#include "node/process/status_json.hpp"
#include "proto/outcome.hpp"
#include "proto/report/metrics_text.hpp"

namespace kp2p {
namespace {

using proto::MetricsText;
using Kind = MetricsText::Kind;

// As Path::Kind has them.
constexpr std::string_view path_names[] = {"direct", "lan", "relayed", "tunnelled"};

void write_transfers(MetricsText& text, const NodeStatus& now) {
    text.family("kp2p_transfer_bytes_total", Kind::counter,
                "Bytes of files between this node and others, as they travel.");
    for (std::size_t i = 0; i < std::size(path_names); ++i) {
        const FileTraffic::Bytes& bytes = now.traffic.by_path.at(i);
        text.sample(bytes.given, {{"direction", "given"}, {"path", path_names[i]}});
        text.sample(bytes.received, {{"direction", "received"}, {"path", path_names[i]}});
    }
    text.family("kp2p_transfers", Kind::gauge, "Files on their way now.");
    text.sample(now.moving.gives, {{"direction", "given"}});
    text.sample(now.moving.loads, {{"direction", "received"}});
    text.single("kp2p_gives_total", Kind::counter,
                "Files of which a node got something, each time that it had one open here.",
                now.counts.gives);
    text.family("kp2p_verification_failures_total", Kind::counter,
                "Nodes that were blamed for wrong bytes in a load, and files of the storage that "
                "were found to have rotted.");
    text.sample(now.counts.wrong_bytes, {{"source", "peer"}});
    text.sample(now.counts.rotten_files, {{"source", "storage"}});
}

void write_loads(MetricsText& text, const MetricsFacts& facts) {
    text.family("kp2p_loads_total", Kind::counter,
                "Calls of load and cat, by how they ended and the exit status of a command.");
    for (const auto& [code, count] : facts.loads) {
        const int exit = code == "done" ? 0 : exit_status(code_from_name(code));
        text.sample(count, {{"code", code}, {"exit", std::to_string(exit)}});
    }
}

void write_rates(MetricsText& text, const MetricsFacts& facts) {
    if (facts.rates.up || facts.rates.down)
        text.family("kp2p_rate_limit_bytes_per_second", Kind::gauge, "How fast files may travel.");
    if (facts.rates.up) text.sample(*facts.rates.up, {{"direction", "given"}});
    if (facts.rates.down) text.sample(*facts.rates.down, {{"direction", "received"}});
    const auto holds = [](const Rates::Now& rates) { return rates.up || rates.down; };
    if (std::ranges::none_of(facts.channel_rates, holds)) return;
    text.family("kp2p_channel_rate_limit_bytes_per_second", Kind::gauge,
                "The same from and to members of one channel, by its place in kp2p-limit.");
    for (std::size_t i = 0; i < facts.channel_rates.size(); ++i) {
        const std::string place = std::to_string(i + 1);
        const Rates::Now& rates = facts.channel_rates[i];
        if (rates.up) text.sample(*rates.up, {{"channel", place}, {"direction", "given"}});
        if (rates.down) text.sample(*rates.down, {{"channel", place}, {"direction", "received"}});
    }
}

void write_network(MetricsText& text, const NodeStatus& now) {
    std::size_t peers[std::size(path_names)] = {};
    for (const PeerReport& peer : now.peers)
        if (!peer.paths.empty()) ++peers[static_cast<std::size_t>(peer.paths.front().kind)];
    text.family("kp2p_peers", Kind::gauge, "Nodes connected to, by the best path to each.");
    for (std::size_t i = 0; i < std::size(path_names); ++i)
        text.sample(peers[i], {{"path", path_names[i]}});
    text.single("kp2p_connections", Kind::gauge, "Connections to them.", now.connections);
    text.single("kp2p_channels", Kind::gauge, "Channels that are joined.", now.channels.size());
    text.single("kp2p_dht_nodes", Kind::gauge, "DHT nodes that are known.", now.dht_nodes);
    text.single("kp2p_dht_joined", Kind::gauge, "1 when the DHT was entered.", now.in_network);
    text.single("kp2p_reachable", Kind::gauge, "1 when others were seen to reach this node.",
                !now.firewalled);
    text.single("kp2p_relay_pairs", Kind::gauge, "Pairs of nodes that are relayed for now.",
                now.relay.pairs);
    text.single("kp2p_relay_bytes_total", Kind::counter, "Bytes that were relayed for others.",
                now.relay.forwarded.bytes);
}

void write_storage(MetricsText& text, const MetricsFacts& facts) {
    text.single("kp2p_storage_files", Kind::gauge, "Contents in the storage.", facts.storage.files);
    text.single("kp2p_storage_bytes", Kind::gauge, "What the storage takes on the disk.",
                facts.storage.bytes);
    text.single("kp2p_storage_unfinished_bytes", Kind::gauge,
                "Of that, downloads that are not finished.", facts.status.partials.bytes);
    text.single("kp2p_storage_unfinished_files", Kind::gauge, "The number of these.",
                facts.status.partials.files);
    if (facts.quota_bytes)
        text.single("kp2p_storage_quota_bytes", Kind::gauge, "What it may take.",
                    *facts.quota_bytes);
}

}  // namespace

std::string metrics_text(const MetricsFacts& facts) {
    const NodeStatus& now = facts.status;
    MetricsText text;
    text.family("kp2p_info", Kind::gauge, "Which node this is.");
    text.sample(1, {{"node", now.node.hex()}, {"version", KP2P_VERSION}});
    const auto up = std::chrono::duration_cast<std::chrono::seconds>(now.up);
    text.single("kp2p_uptime_seconds", Kind::gauge, "Since the node was started.",
                static_cast<std::uint64_t>(up.count()));
    write_transfers(text, now);
    write_loads(text, facts);
    write_rates(text, facts);
    write_network(text, now);
    write_storage(text, facts);
    return text.take();
}

}  // namespace kp2p
