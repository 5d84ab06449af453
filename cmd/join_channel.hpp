// Channels that a command has the node join: one that is named, in an invitation or by itself, or a
// new one.
#pragma once

#include <string>

#include "node/client/command.hpp"
#include "node/client/daemon.hpp"
#include "proto/lookup/channel.hpp"

namespace kp2p {

// `name` with 80 random bits appended, so that nobody can guess it.
Result<ChannelName> new_channel(client::Command& command, const std::string& name);

// Says that it has joined. The daemon's answer.
Result<client::Answer> join_channel(client::Command& command, client::Daemon& daemon,
                                    const ChannelName& channel);

}  // namespace kp2p
