// kp2p-stop-daemon: asks the node to stop, and returns when it has.
#include "node/client/command.hpp"
#include "node/client/daemon.hpp"

using namespace kp2p;

int main(int argc, char** argv) {
    client::Command command("kp2p-stop-daemon", "Stops the node and waits until it has ended.",
                            client::Needs::daemon);
    return command.run(argc, argv, [&](client::Daemon& daemon) -> Result<void> {
        auto asked = daemon.request({"/v1/stop", ""});
        if (!asked) return asked.error();
        auto gone = daemon.wait_until_gone();
        if (!gone) return gone.error();
        if (command.json()) return command.print_json(R"({"event":"result"})");
        return ok;
    });
}
