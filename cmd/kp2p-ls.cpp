// kp2p-ls: prints the entries of a sha1dir, one a line, directories ending in "/".
#include "node/client/command.hpp"
#include "node/client/daemon.hpp"
#include "proto/file/uri.hpp"
#include "proto/json.hpp"

using namespace kp2p;

int main(int argc, char** argv) {
    client::Command command("kp2p-ls", "Prints the entries of a shared directory.",
                            client::Needs::daemon);
    const auto& uri = command.argument<proto::Uri>("URI", "sha1dir://... or sha1dir://.../path");
    return command.run(argc, argv, [&](client::Daemon& daemon) -> Result<void> {
        proto::JsonWriter body;
        body.begin_object().field("uri", uri->written).end_object();
        const auto show = [&](const client::Answer& event) -> Result<void> {
            if (command.json()) return command.print_json(event.text());
            if (event.string("event") == "remark") command.say(event.string("message"));
            if (event.string("event") != "entry") return ok;
            const bool is_directory = event.string("type") == "directory";
            return command.print(event.string("name") + (is_directory ? "/" : ""));
        };
        auto listed = daemon.events({.path = "/v1/ls", .body = body.take()}, show);
        if (!listed) return listed.error();
        if (command.json()) return command.print_json(listed->text());
        return ok;
    });
}
