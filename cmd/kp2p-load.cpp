// kp2p-load: gets a file, or a whole sha1dir, verified, and prints where it lies.
#include <filesystem>

#include "node/client/command.hpp"
#include "node/client/daemon.hpp"
#include "node/client/progress_bar.hpp"
#include "proto/file/uri.hpp"
#include "proto/json.hpp"

using namespace kp2p;

int main(int argc, char** argv) {
    client::Command command("kp2p-load", "Gets a file, verified, and prints where it lies.",
                            client::Needs::daemon);
    const auto& uri = command.argument<proto::Uri>("URI", "sha1://... or sha1dir://...");
    const auto& dest = command.option<std::string>(
        "--dest", "PATH", "copy it there; a whole sha1dir becomes this directory");
    return command.run(argc, argv, [&](client::Daemon& daemon) -> Result<void> {
        proto::JsonWriter body;
        body.begin_object().field("uri", uri->text());
        if (dest) body.field("dest", std::filesystem::absolute(*dest).string());
        client::ProgressBar bar(command);
        const auto show = [&](const client::Answer& event) -> Result<void> {
            if (command.json()) return command.print_json(event.text());
            bar.show({.done_bytes = event.number("verified_bytes"),
                      .size_bytes = event.number("size_bytes"),
                      .providers = event.number("providers")});
            return ok;
        };
        auto loaded = daemon.events("/v1/load", body.end_object().take(), show);
        if (!loaded) return loaded.error();
        if (command.json()) return command.print_json(loaded->text());
        return command.print(loaded->string("path"));
    });
}
