// kp2p-join: puts the node into a channel, until it leaves.
#include "node/client/command.hpp"
#include "node/client/daemon.hpp"
#include "proto/json.hpp"
#include "proto/share/channel.hpp"

using namespace kp2p;

int main(int argc, char** argv) {
    client::Command command("kp2p-join", "Joins a channel; its name is its secret.",
                            client::Needs::daemon);
    const auto& name = command.argument<ChannelName>("NAME", "of the channel");
    return command.run(argc, argv, [&](client::Daemon& daemon) -> Result<void> {
        proto::JsonWriter body;
        body.begin_object().field("name", name->text()).end_object();
        auto joined = daemon.request({.path = "/v1/channels", .body = body.take()});
        if (!joined) return joined.error();
        if (command.json()) return command.print_json(joined->text());
        command.say("joined " + name->text());
        return ok;
    });
}
