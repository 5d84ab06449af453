// kp2p-unpin: undoes kp2p-pin.
#include "cmd/pin_uris.hpp"

using namespace kp2p;

int main(int argc, char** argv) {
    client::Command command("kp2p-unpin", "Takes a pin away again.", client::Needs::daemon);
    return pin_uris(command, "/v1/unpin", "unpinned", argc, argv);
}
