// kp2p-load: gets a file, or a whole sha1dir, verified, and prints where it lies.
#include <filesystem>

#include "node/client/command.hpp"
#include "node/client/daemon.hpp"
#include "node/client/progress_bar.hpp"
#include "proto/file/uri.hpp"
#include "proto/json.hpp"
#include "proto/utf8.hpp"

using namespace kp2p;

namespace {

// The daemon has another working directory, and JSON holds text alone.
Result<std::string> absolute(client::Command& command, const std::string& path) {
    std::error_code error;
    const auto absolute = std::filesystem::absolute(path, error);
    if (path.empty() || error)
        return command.failure(Errc::usage, "--dest names no place: \"" + path + '"');
    if (proto::is_utf8(absolute.native())) return absolute.native();
    return command.failure(Errc::usage, "--dest is not UTF-8: " + absolute.native());
}

}  // namespace

int main(int argc, char** argv) {
    client::Command command("kp2p-load", "Gets a file, verified, and prints where it lies.",
                            client::Needs::daemon);
    const auto& uri = command.argument<proto::Uri>("URI", "sha1://... or sha1dir://...");
    const auto& dest = command.option<std::string>(
        "--dest", "PATH", "copy it there; a whole sha1dir becomes this directory");
    return command.run(argc, argv, [&](client::Daemon& daemon) -> Result<void> {
        proto::JsonWriter body;
        body.begin_object().field("uri", uri->written);
        if (dest) {
            const auto path = absolute(command, *dest);
            if (!path) return path.error();
            body.field("dest", *path);
        }
        client::ProgressBar bar(command);
        const auto show = [&](const client::Answer& event) -> Result<void> {
            if (command.json()) return command.print_json(event.text());
            bar.show({.done_bytes = event.number("verified_bytes"),
                      .size_bytes = event.number("size_bytes"),
                      .providers = event.number("providers")});
            return ok;
        };
        auto loaded = daemon.events({.path = "/v1/load", .body = body.end_object().take()}, show);
        if (!loaded) return loaded.error();
        if (command.json()) return command.print_json(loaded->text());
        return command.print(loaded->string("path"));
    });
}
