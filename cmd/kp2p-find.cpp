// kp2p-find: prints who provides a file, one node a line as they answer, without downloading it.
#include "node/client/command.hpp"
#include "node/client/daemon.hpp"
#include "proto/file/uri.hpp"
#include "proto/json.hpp"

using namespace kp2p;

int main(int argc, char** argv) {
    client::Command command("kp2p-find", "Prints who provides a file: node, bytes, completeness.",
                            client::Needs::daemon);
    command.may_start_daemon();
    const auto& uri = command.argument<proto::Uri>("URI", "sha1://... or sha1dir://.../path");
    return command.run(argc, argv, [&](client::Daemon& daemon) -> Result<void> {
        proto::JsonWriter body;
        body.begin_object().field("uri", uri->written).end_object();
        const auto show = [&](const client::Answer& event) -> Result<void> {
            if (command.json()) return command.print_json(event.text());
            if (event.string("event") != "provider") return ok;
            const std::string label = event.string("label");
            return command.print(event.string("node") + ' ' + std::to_string(event.number("size")) +
                                 (event.truth("complete") ? " complete" : " partial") +
                                 (label.empty() ? "" : " (" + label + ")"));
        };
        auto found = daemon.events({"/v1/find", "providers", body.take()}, show);
        if (!found) return found.error();
        if (command.json()) return command.print_json(found->text());
        return ok;
    });
}
