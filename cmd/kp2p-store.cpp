// kp2p-store: copies files and directories into the storage and prints the URI of each. Needs no
// daemon.
#include "cmd/put_paths.hpp"

using namespace kp2p;

int main(int argc, char** argv) {
    client::Command command(
        "kp2p-store",
        "Copies files and directories into the storage, and prints the URI of each, by which "
        "others can load it. Needs no daemon.",
        client::Needs::storage);
    return put_paths(command, PutOptions::Content::copy, argc, argv);
}
