// join_channel: has the node join a channel, as kp2p-join and an invitation that kp2p-load is given
// do.
#pragma once

#include "node/client/command.hpp"
#include "node/client/daemon.hpp"
#include "proto/lookup/channel.hpp"

namespace kp2p {

// Says that it has joined. The daemon's answer.
Result<client::Answer> join_channel(client::Command& command, client::Daemon& daemon,
                                    const ChannelName& channel);

}  // namespace kp2p
