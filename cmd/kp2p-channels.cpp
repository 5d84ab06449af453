// kp2p-channels: prints the channels that the node is in, one a line.
#include "node/client/command.hpp"
#include "node/client/daemon.hpp"

using namespace kp2p;

int main(int argc, char** argv) {
    client::Command command("kp2p-channels", "Prints the channels that this node is in.",
                            client::Needs::daemon);
    return command.run(argc, argv, [&](client::Daemon& daemon) -> Result<void> {
        auto answer = daemon.request({"/v1/channels", "channels", {}, "GET"});
        if (!answer) return answer.error();
        if (command.json()) return command.print_json(answer->text());
        for (const std::string& name : answer->strings("channels"))
            if (auto printed = command.print(name); !printed) return printed;
        return ok;
    });
}
