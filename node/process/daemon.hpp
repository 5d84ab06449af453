// run_daemon: a whole node, from its files to its HTTP API, until it is told to stop: by SIGTERM,
// SIGINT or, unless that was ignored (nohup), SIGHUP, or over the API. It owns the process: one
// thread for the node, and a pool as large as the machine for heavy work.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "node/log/log.hpp"
#include "proto/bytes.hpp"
#include "proto/endpoint.hpp"
#include "proto/lookup/channel.hpp"

namespace kp2p {

struct DaemonOptions {
    std::filesystem::path config_dir;
    std::filesystem::path storage_dir;  // exists
    Host host;                          // to bind; :: is IPv4 and IPv6
    std::optional<std::uint16_t> port;  // UDP; absent: the usual one if it is free, 0: any
    std::uint16_t api_port = 0;         // 0: any
    std::vector<ChannelName> channels;  // joined beside those that are remembered
    // HOST:PORT each; empty: the public network, "none" alone: no network is entered.
    std::vector<std::string> bootstrap;
    LogLevel least_logged = LogLevel::info;
};

struct Ready {
    NodeId node;
    Endpoint udp;
    std::uint16_t api_port = 0;
};

// `ready` is called once, when commands are answered and the network was entered, or has had some
// seconds to answer. Returns after the node ended, within two seconds of being told to. Errors,
// with a sentence in `why`: what the parts return when they are opened (Errc::port_in_use, usage,
// storage_unavailable, ...).
Result<void> run_daemon(const DaemonOptions& options,
                        const std::function<void(const Ready&)>& ready, std::string& why);

}  // namespace kp2p
