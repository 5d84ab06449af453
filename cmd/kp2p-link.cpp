// kp2p-link: makes files and directories known to the storage without copying them, and prints the
// URI of each. Needs no daemon.
#include "cmd/put_paths.hpp"

using namespace kp2p;

int main(int argc, char** argv) {
    client::Command command(
        "kp2p-link",
        "Like kp2p-store, but leaves the content where it is. A file that changes afterwards is "
        "not given to others any more. Needs no daemon.",
        client::Needs::storage);
    return put_paths(command, PutOptions::Content::link, argc, argv);
}
