// kp2p-join: puts the node into a channel, until it leaves.
#include "node/client/channel_names.hpp"
#include "node/client/command.hpp"
#include "node/client/daemon.hpp"
#include "proto/json.hpp"

using namespace kp2p;

int main(int argc, char** argv) {
    client::Command command("kp2p-join", "Joins a channel; its name is its secret.",
                            client::Needs::daemon);
    const auto& name = command.optional_argument<std::string>(
        "NAME", "of the channel; -: a line of standard input");
    const auto& file = command.option<std::string>("--channel-file", "FILE",
                                                   "the names, one a line; -: standard input");
    return command.run(argc, argv, [&](client::Daemon& daemon) -> Result<void> {
        const auto channels = client::channel_names(command, name, file);
        if (!channels) return channels.error();
        for (const ChannelName& channel : *channels) {
            proto::JsonWriter body;
            body.begin_object().field("name", channel.text()).end_object();
            auto joined = daemon.request({"/v1/channels", "channels", body.take(), "POST"});
            if (!joined) return joined.error();
            if (!command.json())
                command.say("joined " + channel.text());
            else if (auto printed = command.print_json(joined->text()); !printed)
                return printed.error();
        }
        return ok;
    });
}
