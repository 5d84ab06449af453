// kp2p-pin: has something in the storage stay, whatever needs room.
#include "cmd/pin_uris.hpp"

using namespace kp2p;

int main(int argc, char** argv) {
    client::Command command("kp2p-pin",
                            "Keeps what is in the storage: kp2p-gc and the quota never remove it.",
                            client::Needs::daemon);
    return pin_uris(command, "/v1/pin", "pinned", argc, argv);
}
