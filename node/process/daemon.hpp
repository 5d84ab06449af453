// run_daemon: a whole node, from its files to its HTTP API, until it is told to stop: by SIGTERM,
// SIGINT or, unless that was ignored (nohup), SIGHUP, or over the API. It owns the process: one
// thread for the node, and a pool as large as the machine for heavy work.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "node/log/log.hpp"
#include "node/settings/settings.hpp"
#include "proto/bytes.hpp"
#include "proto/endpoint.hpp"

namespace kp2p {

struct Ready {
    NodeId node;
    Endpoint udp;
    std::uint16_t api_port = 0;
};

// `settings.storage_dir` exists, and the names in `settings.channel_file` are among the channels.
// `ready` is called once, when commands are answered and the network was entered, or has had some
// seconds to answer. Returns after the node ended, within two seconds of being told to. Errors,
// with a sentence in `why`: what the parts return when they are opened (Errc::port_in_use, usage,
// storage_unavailable, ...).
Result<void> run_daemon(const Settings& settings, const std::function<void(const Ready&)>& ready,
                        std::string& why);

}  // namespace kp2p
