#include "cmd/pin_uris.hpp"

#include "cmd/without_daemon.hpp"
#include "node/client/daemon.hpp"
#include "proto/file/uri.hpp"
#include "proto/json.hpp"

namespace kp2p {

int pin_uris(client::Command& command, const char* path, const char* done, int argc, char** argv) {
    const WithoutDaemon without(command);
    const auto& uris = command.arguments<proto::Uri>("URI", "of what is in the storage");
    return command.run(argc, argv, [&](client::Daemon& daemon) -> Result<void> {
        Result<void> outcome = ok;
        for (const proto::Uri& uri : uris) {
            proto::JsonWriter body;
            body.begin_object().field("uri", uri.written).end_object();
            auto asked = daemon.request(
                {.path = path, .promised = "", .body = body.take(), .storage_alone = true});
            if (!asked) {
                if (uris.size() == 1) return asked.error();
                command.complain(asked.error(), daemon, uri.written);
                if (outcome) outcome = asked.error();
                continue;
            }
            if (!command.json())
                command.say(done + (' ' + uri.written));
            else if (auto printed = command.print_json(asked->text()); !printed)
                return printed;
        }
        return outcome;
    });
}

}  // namespace kp2p
