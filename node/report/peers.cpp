#include "node/report/peers.hpp"

#include "proto/report/json.hpp"

namespace kp2p {

void write_peers(proto::JsonWriter& json, Clock::Time now, const std::vector<PeerReport>& peers) {
    json.begin_array();
    for (const PeerReport& peer : peers) {
        json.begin_object().field("node", peer.node.hex()).field("label", peer.label);
        json.key("channels").begin_array();
        for (const std::string& channel : peer.channels) json.value(channel);
        json.end_array().key("paths").begin_array();
        for (const Path& path : peer.paths) {
            using std::chrono::duration_cast;
            json.begin_object().field("path", text_of(tried_path_of(path)));
            if (path.rtt)
                json.field("rtt_us", duration_cast<std::chrono::microseconds>(*path.rtt).count());
            const auto age = duration_cast<std::chrono::seconds>(now - path.since);
            json.field("seconds", age.count()).end_object();
        }
        json.end_array().key("not_taken");
        write_findings(json, peer.not_taken);
        json.end_object();
    }
    json.end_array();
}

void write_unreached(proto::JsonWriter& json, const std::vector<UnreachedReport>& nodes) {
    json.begin_array();
    for (const UnreachedReport& one : nodes) {
        json.begin_object().field("node", one.node.hex()).key("findings");
        write_findings(json, one.why);
        json.end_object();
    }
    json.end_array();
}

}  // namespace kp2p
