#include "cmd/join_channel.hpp"

#include "proto/json.hpp"

namespace kp2p {

Result<client::Answer> join_channel(client::Command& command, client::Daemon& daemon,
                                    const ChannelName& channel) {
    proto::JsonWriter body;
    body.begin_object().field("name", channel.text()).end_object();
    auto joined = daemon.request({"/v1/channels", "channels", body.take(), "POST"});
    if (joined && !command.json()) command.say("joined " + channel.text());
    return joined;
}

}  // namespace kp2p
