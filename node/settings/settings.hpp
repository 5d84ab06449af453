// Settings: what a daemon can be told, one field for each row of the table in setting.cpp, which
// says by what names, and what holds when nobody says anything.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "proto/byte_size.hpp"
#include "proto/fixed_peer.hpp"
#include "proto/host.hpp"
#include "proto/limit/rate_table.hpp"
#include "proto/lookup/channel.hpp"
#include "proto/lookup/channel_limit.hpp"
#include "proto/paths/label.hpp"
#include "proto/relay/relay_mode.hpp"
#include "proto/report/log_levels.hpp"
#include "proto/tunnel/relay_url.hpp"

namespace kp2p {

// Of the API, where nobody says another.
constexpr std::uint16_t usual_api_port = 20431;

struct Settings {
    std::filesystem::path config_dir;
    std::filesystem::path storage_dir;      // empty: the usual one
    std::optional<std::uint16_t> api_port;  // absent: the usual one if it is free, 0: any
    std::filesystem::path api_socket;       // empty: in the configuration directory
    std::string api_group;                  // who may use that; empty: its owner alone
    std::vector<ChannelName> channels;      // joined beside those that are remembered
    std::string channel_file;               // of further ones; empty: none
    // See parse_bootstrap(); empty, or "public" alone: the public network; "none" alone: no network
    // is entered; "self" alone: this node is the persistent one of a private network.
    std::vector<std::string> bootstrap;
    std::vector<FixedPeer> peers;       // reached over TCP
    std::optional<Host> host;           // to bind; :: is IPv4 and IPv6; absent: all there are
    std::optional<std::uint16_t> port;  // UDP and TCP; absent: the usual one if it is free, 0: any
    std::optional<proto::tunnel::RelayUrl> relay_url;      // for where UDP is blocked
    bool no_tunnel = false;                                // not even of a relay that others know
    bool no_share_relay = false;                           // they are not told of ours
    proto::RelayMode relay = proto::RelayMode::automatic;  // whether others' streams are forwarded
    std::optional<proto::ByteSize> quota;                  // of the storage; absent: none
    bool no_flush = false;                                 // of what the storage takes
    std::optional<NodeLabel> label;                        // told to members of the channels
    proto::RateLimits limits;                              // of files that travel
    std::vector<proto::ChannelLimit> channel_limits;       // of those of one channel
    bool no_port_mapping = false;                          // the router is not asked to forward it
    bool no_lan = false;                                   // nobody is looked for there
    bool metrics = false;                                  // whoever is at this computer sees them
    LogLevels log_levels;
    LogFormat log_format = LogFormat::text;
    std::filesystem::path log_file;  // empty: stderr
    // What is to hold at later starts too, as lines of the file `remembered`.
    std::vector<std::string> to_remember;
};

}  // namespace kp2p
