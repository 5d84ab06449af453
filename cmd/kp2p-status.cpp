// kp2p-status: prints what the node is doing.
#include "node/client/command.hpp"
#include "node/client/daemon.hpp"
#include "proto/byte_size.hpp"
#include "proto/paths/label.hpp"

using namespace kp2p;

namespace {

// "joined: lab, other" and the like; "none" for none.
std::string joined(const std::vector<std::string>& words) {
    std::string text;
    for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
    return text.empty() ? "none" : text;
}

std::string describe_peers(const client::Answer& status) {
    std::string text;
    for (const client::Answer& peer : status.list("peers")) {
        text += "\npeer         " + described_node(peer.string("node"), peer.string("label"));
        for (const client::Answer& path : peer.list("paths"))
            text += "\n             " + path.string("path") + ", for " +
                    std::to_string(path.number("seconds")) + " s";
    }
    return text;
}

std::string describe(const client::Answer& status) {
    const std::string address = status.string("public_address");
    const std::string tunnel = status.string("tunnel");
    const std::string twin = status.string("twin");
    const std::string mapping = status.string("port_mapping_message");
    const std::uint64_t dht_nodes = status.number("dht_nodes");
    const std::string known = proto::count_words(dht_nodes, "node") + " known";
    const std::string dht = status.truth("bootstrapped") ? "joined, " + known
                            : dht_nodes == 0             ? "nobody answers yet"
                                                         : "being entered, " + known;
    const client::Answer relay(status.json("relay"));
    const std::string relaying = (relay.truth("serves") ? "for others, " : "not for others, ") +
                                 proto::count_words(relay.number("pairs"), "pair") + " now, " +
                                 std::to_string(relay.number("bytes")) + " bytes since the start";
    return "node         " + described_node(status.string("node"), status.string("label")) +  //
           (twin.empty()
                ? ""
                : "\n             " + twin + " runs with the same key: see kp2p-doctor") +  //
           "\nversion      " +
           status.string("version") +                                                   //
           "\nudp          " + status.string("udp") +                                   //
           "\nreachable    " + (status.truth("firewalled") ? "not seen yet" : "yes") +  //
           (address.empty() ? "" : ", as " + address) +                                 //
           (tunnel.empty() ? "" : "\ntunnel       " + tunnel) +                         //
           (mapping.empty() ? "" : "\nmapping      " + mapping) +                       //
           "\ndht          " + dht +                                                    //
           "\nconnections  " + std::to_string(status.number("connections")) +           //
           "\nrelay        " + relaying + "\nchannels     " +
           joined(status.strings("channels")) +                //
           "\nstorage      " + status.string("storage_dir") +  //
           "\nunfinished   " + proto::count_words(status.number("partial_files"), "download") +
           ", " + std::to_string(status.number("partial_bytes")) + " bytes on the disk" +  //
           "\nfiles        " + std::to_string(status.number("received_bytes")) +
           " bytes received, " + std::to_string(status.number("given_bytes")) + " given" +  //
           "\napi          127.0.0.1:" + std::to_string(status.number("api_port")) +
           "\nup           " + std::to_string(status.number("uptime_seconds")) + " s" +
           describe_peers(status);
}

}  // namespace

int main(int argc, char** argv) {
    client::Command command("kp2p-status", "Prints what the node is doing.", client::Needs::daemon);
    command.may_start_daemon();
    return command.run(argc, argv, [&](client::Daemon& daemon) -> Result<void> {
        auto status = daemon.request({"/v1/status", "node", {}, "GET"});
        if (!status) return status.error();
        if (command.json()) return command.print_json(status->text());
        return command.print(describe(*status));
    });
}
