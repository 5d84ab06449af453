// kp2p-start-daemon: runs the node in the foreground until it is stopped.
#include "node/client/channel_names.hpp"
#include "node/client/command.hpp"
#include "node/client/hang_watch.hpp"
#include "node/process/daemon.hpp"
#include "proto/json.hpp"
#include "proto/utf8.hpp"

using namespace kp2p;

namespace {

Result<void> say_ready(client::Command& command, const Ready& ready) {
    const std::string api = "127.0.0.1:" + std::to_string(ready.api_port);
    command.say("kp2p-start-daemon: ready: node " + ready.node.hex() + ", udp " + ready.udp.text() +
                ", api " + api);
    if (!command.json()) return ok;
    proto::JsonWriter json;
    json.begin_object().field("event", "ready").field("node", ready.node.hex());
    json.field("udp", ready.udp.text()).field("api_port", ready.api_port).end_object();
    return command.print_json(json.text());
}

}  // namespace

int main(int argc, char** argv) {
    client::Command command("kp2p-start-daemon",
                            "Runs the node in the foreground; stop it with Ctrl-C, SIGTERM or "
                            "kp2p-stop-daemon.",
                            client::Needs::node);
    client::watch_hangs("kp2p-start-daemon", std::stop_source(std::nostopstate));
    return command.run(argc, argv, [&]() -> Result<void> {
        Settings settings = command.config().settings();
        std::optional<client::Waiting> waiting(command.config().storage_path().string());
        auto storage = command.storage_dir();
        waiting.reset();
        if (!storage) return storage.error();
        if (!proto::is_utf8(storage->native()))  // the API could not say where files lie
            return command.failure(Errc::usage, "not UTF-8: " + storage->native());
        settings.storage_dir = *std::move(storage);
        if (!settings.channel_file.empty()) {
            auto named = client::read_channel_file(command, settings.channel_file);
            if (!named) return named.error();
            settings.channels.insert(settings.channels.end(), named->begin(), named->end());
        }
        for (const std::string& remark : command.config().remarks()) command.say(remark);
        std::string why;
        if (command.quiet()) settings.log_levels = {.least = LogLevel::error};
        const auto ended = run_daemon(
            settings, [&](const Ready& ready) { (void)say_ready(command, ready); }, why);
        if (!ended) return command.failure(ended.error(), why);
        return ok;
    });
}
