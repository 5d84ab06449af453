// kp2p-leave: takes the node out of a channel.
#include "node/client/channel_names.hpp"
#include "node/client/command.hpp"
#include "node/client/daemon.hpp"
#include "proto/json.hpp"

using namespace kp2p;

int main(int argc, char** argv) {
    client::Command command("kp2p-leave", "Leaves a channel.", client::Needs::daemon);
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
            auto left = daemon.request({"/v1/channels", "channels", body.take(), "DELETE"});
            if (!left) return left.error();
            if (!command.json())
                command.say("left " + channel.text());
            else if (auto printed = command.print_json(left->text()); !printed)
                return printed.error();
        }
        return ok;
    });
}
