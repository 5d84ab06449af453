// kp2p-rm: removes files and directories from the storage.
#include "cmd/without_daemon.hpp"
#include "node/client/command.hpp"
#include "node/client/daemon.hpp"
#include "proto/byte_size.hpp"
#include "proto/file/uri.hpp"
#include "proto/json.hpp"

using namespace kp2p;

int main(int argc, char** argv) {
    client::Command command(
        "kp2p-rm", "Removes files and directories from the storage. What is linked stays itself.",
        client::Needs::daemon);
    const WithoutDaemon without(command);
    const auto& uris = command.arguments<proto::Uri>("URI", "of what was stored, linked or loaded");
    return command.run(argc, argv, [&](client::Daemon& daemon) -> Result<void> {
        Result<void> outcome = ok;
        for (const proto::Uri& uri : uris) {
            proto::JsonWriter body;
            body.begin_object().field("uri", uri.written).end_object();
            auto removed = daemon.request({.path = "/v1/remove",
                                           .promised = "files",
                                           .body = body.take(),
                                           .storage_alone = true});
            if (removed && command.json()) {
                if (auto said = command.print_json(removed->text()); !said) return said;
            } else if (removed) {
                command.say("removed " + uri.written + ", " +
                            proto::size_words(removed->number("bytes")));
            } else {
                if (uris.size() == 1) return removed.error();
                command.complain(removed.error(), daemon, uri.written);
                if (outcome) outcome = removed.error();
            }
        }
        return outcome;
    });
}
