// kp2p-leave: takes the node out of a channel.
#include "node/client/command.hpp"
#include "node/client/daemon.hpp"
#include "proto/json.hpp"
#include "proto/share/channel.hpp"

using namespace kp2p;

int main(int argc, char** argv) {
    client::Command command("kp2p-leave", "Leaves a channel.", client::Needs::daemon);
    const auto& name = command.argument<ChannelName>("NAME", "of the channel");
    return command.run(argc, argv, [&](client::Daemon& daemon) -> Result<void> {
        proto::JsonWriter body;
        body.begin_object().field("name", name->text()).end_object();
        auto left =
            daemon.request({.path = "/v1/channels", .body = body.take(), .method = "DELETE"});
        if (!left) return left.error();
        if (command.json()) return command.print_json(left->text());
        command.say("left " + name->text());
        return ok;
    });
}
