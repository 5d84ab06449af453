// kp2p-load: gets a file, or a whole sha1dir, verified, and prints where it lies.
#include "cmd/load_to.hpp"
#include "cmd/without_daemon.hpp"
#include "node/client/command.hpp"
#include "node/client/daemon.hpp"
#include "node/client/paths.hpp"
#include "node/client/progress_bar.hpp"
#include "proto/file/uri.hpp"
#include "proto/json.hpp"

using namespace kp2p;

namespace {

Result<void> deliver(const Delivery& by, const proto::Uri& uri, const std::string& dest) {
    client::Command& command = by.command;
    auto path = client::absolute(dest);
    if (dest == "-") path = std::filesystem::path(dest);
    if (!path)
        return command.failure(Errc::usage, "--dest \"" + dest + "\": " + path.error().message());
    auto delivered = load_to(by, uri, *path);
    if (!delivered) return delivered.error();
    if (command.json()) {
        proto::JsonWriter json;
        client::add_path(json.begin_object().field("event", "result"), *path);
        return command.print_json(json.end_object().take());
    }
    if (*delivered == Delivered::to_stdout) return ok;
    return command.print(path->native());
}

Result<void> store(const Delivery& by, const proto::Uri& uri) {
    proto::JsonWriter body;
    body.begin_object().field("uri", uri.written).end_object();
    auto loaded = by.daemon.events({"/v1/load", "path", body.take()}, by.on_progress);
    if (!loaded) return loaded.error();
    if (by.command.json()) return by.command.print_json(loaded->text());
    return by.command.print(loaded->string("path"));
}

}  // namespace

int main(int argc, char** argv) {
    client::Command command("kp2p-load", "Gets a file, verified, and prints where it lies.",
                            client::Needs::daemon);
    const WithoutDaemon without(command);
    const auto& uri = command.argument<proto::Uri>("URI", "sha1://... or sha1dir://...");
    const auto& dest = command.option<std::string>(
        "--dest", "PATH",
        "copy it there (-: to standard output); a whole sha1dir becomes this directory");
    command.stop_on_signals();  // it leaves nothing half written
    return command.run(argc, argv, [&](client::Daemon& daemon) -> Result<void> {
        client::ProgressBar bar(command);
        const auto show = [&](const client::Answer& event) -> Result<void> {
            if (command.json()) return command.print_json(event.text());
            bar.show({.done_bytes = event.number("verified_bytes"),
                      .size_bytes = event.number("size_bytes"),
                      .providers = event.number("providers")});
            return ok;
        };
        const Delivery by{command, daemon, show};
        return dest ? deliver(by, *uri, *dest) : store(by, *uri);
    });
}
