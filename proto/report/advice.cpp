#include "proto/report/advice.hpp"

#include <algorithm>

namespace kp2p {
namespace {

using FindingCode = Finding::Code;

struct Advice {
    FindingCode code;
    std::string_view sentence;
};

constexpr std::string_view silent_advice =
    "open any web page in a browser: where none comes this computer is offline, and a page to log "
    "in at is a captive portal's; else the network lets no UDP out: ask who runs it to, or use a "
    "kp2p-relay (--relay-url)";

// Those for which their stage has no better one.
constexpr Advice advice[] = {
    {FindingCode::is_directory, "name a file in it: URI/path"},
    {FindingCode::not_to_path, "say where to put it: --dest DIR"},
    {FindingCode::is_file, "name a directory: a URI that begins with sha1dir://"},
    {FindingCode::no_manifest, "leave ?manifest= out of the URI to load the file whole"},

    {FindingCode::dht_silent, silent_advice},
    {FindingCode::dht_silent_for, silent_advice},
    {FindingCode::no_network, "connect this computer to a network"},
    {FindingCode::no_route, "look whether it has a default route (ip route), and a cable or Wi-Fi"},
    {FindingCode::not_let_out,
     "let UDP out of this computer's own firewall (ufw status, nft list ruleset), and look at its "
     "routing rules (ip rule)"},
    {FindingCode::rejected,
     "look whether a node runs at the address of --bootstrap; else a firewall of the network "
     "rejects UDP: ask who runs it to let that out, or use a kp2p-relay"},
    {FindingCode::no_relay_port,
     "look whether the kp2p-relay runs, whether its URL was copied whole, and whether https_proxy "
     "is set as it must be"},
    {FindingCode::dht_busy, "try again in a minute"},
    {FindingCode::no_bootstrap,
     "start the daemon with --bootstrap public or HOST:PORT, or with --peer"},
    {FindingCode::no_ipv4,
     "give this computer IPv4, and name no --host, or one of IPv4; members in the LAN, and those "
     "named with --peer, are reached over IPv6, too"},
    {FindingCode::unresolved,
     "open any web page in a browser: where none comes this computer is offline, or cannot resolve "
     "names, and a page to log in at is a captive portal's"},

    {FindingCode::captive_portal,
     "open any web page in a browser, and log in if that is asked for; else ask who runs the "
     "network to let the relay's host through, unopened"},
    {FindingCode::same_key,
     "stop the daemon on one of the two, take the file `key` out of its configuration directory "
     "(~/.kachery-p2p), and start it again: it makes itself a new one"},

    {FindingCode::channels_pending, "try again in a moment"},
    {FindingCode::no_channel, "join the channel of those who have the file: kp2p-join NAME"},

    {FindingCode::all_lack, "ask whoever has the file to store it, and to keep its daemon running"},
    {FindingCode::only_one_lacks,
     "ask whoever has the file to store it, and to keep its daemon running"},

    {FindingCode::invalid_key, "look whether the node's key was copied whole"},
    {FindingCode::not_asked_for, "see what kp2p-doctor, without a node, says of the network"},
    {FindingCode::not_announced,
     "see to it that the node's daemon runs and is in the same DHT network"},
    {FindingCode::refused_or_foreign, "bring both nodes to the same version of kp2p"},
    {FindingCode::sent_nothing,
     "a firewall here or there lets no UDP through between the two, or in one direction alone: ask "
     "who runs it to let UDP from the other node's address in, and there out to this one"},
    {FindingCode::path_silent,
     "a firewall here or there lets nothing through between the two, or in one direction alone: "
     "kp2p-doctor on the other computer says so where what is sent from here arrives; ask who runs "
     "it to let what goes to this address, and what comes from there, through; or run a node of "
     "the channel, with --relay on, where both reach it"},
    {FindingCode::not_heard,
     "a firewall here or there lets UDP through in one direction alone: ask who runs it to let UDP "
     "to this address, too; or run a node of the channel, with --relay on, where both reach it"},
    {FindingCode::path_rejected,
     "a firewall rejects it, or nobody is there any more: look whether the node's daemon runs, and "
     "ask who runs the firewall, at the address that is named, to let UDP through"},
    {FindingCode::path_not_let_out,
     "let UDP to this address out of this computer's own firewall (ufw status, nft list ruleset), "
     "and look at its routes (ip route get ADDRESS)"},
    {FindingCode::no_way_through, "forward a UDP port to one of the nodes, or name it with --peer"},
    {FindingCode::no_hole, "forward a UDP port to one of the nodes, or name it with --peer"},
    {FindingCode::relay_failed, "forward a UDP port to one of the nodes, or name it with --peer"},
    {FindingCode::no_relay,
     "run a node of the channel, with --relay on, where anybody can reach it"},
    {FindingCode::tunnel_failed, "look whether the kp2p-relay runs, and whether its URL is right"},
    {FindingCode::lan_silent,
     "let UDP through the firewalls of both computers; or the Wi-Fi keeps its computers apart "
     "(client isolation), as those for guests do: then a node of the channel, with --relay on, "
     "where both reach it leads around that"},
    {FindingCode::tcp_refused,
     "look whether the node's daemon runs, and listens at this port; else ask who runs the "
     "firewalls on the way to let TCP to it through"},
    {FindingCode::tcp_silent, "let TCP through the firewalls to this port"},
    {FindingCode::tcp_unreachable,
     "look at the routes of this computer (ip route); else ask who runs the firewalls on the way "
     "to let TCP to this port through"},
    {FindingCode::tcp_other_node,
     "look whether the key is that of the node there: another node, or another program, does not "
     "answer to it, nor does one that has as many connections as it can"},
    {FindingCode::tcp_lossy,
     "ask whether the network limits TCP to this port; until then UDP is used"},
    {FindingCode::tcp_unresolved,
     "look whether the name is right, and whether names can be resolved"},
    {FindingCode::connections_busy, "try again when other transfers have ended"},
    {FindingCode::no_common_channel, "join a channel that the node is in: kp2p-join NAME"},
    {FindingCode::connection_lost, "try again: what came is kept"},

    {FindingCode::altered,
     "something on the way damages packets and makes their checksums right again: try another "
     "network, the other transport (UDP or TCP), or without what looks into traffic"},

    {FindingCode::quota,
     "make room with kp2p-rm or kp2p-unpin, or allow more with kp2p-limit --quota"},
    {FindingCode::too_many_partials, "wait until the other programs have ended"},
};

std::string_view advice_of(Stage stage) {
    switch (stage) {
        case Stage::request:
            return "look whether the URI is right; kp2p-ls shows what is in a directory";
        case Stage::network:
            return "look whether this computer is online, and lets UDP out; see kp2p-doctor";
        case Stage::channel:
            return "see to it that another node in this channel is running; kp2p-doctor NODE tries "
                   "the ways to it";
        case Stage::search:
            return "try again in a moment; see kp2p-doctor URI";
        case Stage::reach:
            return "look whether that node is running; kp2p-doctor NODE tries each way to it";
        case Stage::open:
            return "try again in a minute, or ask the node's owner to store the file again";
        case Stage::transfer:
            return "try again: what came is kept";
        case Stage::verify:
            return "tell the node's owner that its storage has gone bad, or get the file elsewhere";
        case Stage::storage:
            return "look at the disk of the storage (rights, room, health), and at the limits of "
                   "this user (ulimit -a)";
    }
    return {};
}

}  // namespace

std::string_view advice_of(FindingCode code) {
    const auto own = std::find_if(std::begin(advice), std::end(advice),
                                  [&](const Advice& one) { return one.code == code; });
    return own == std::end(advice) ? advice_of(stage_of(code)) : own->sentence;
}

}  // namespace kp2p
