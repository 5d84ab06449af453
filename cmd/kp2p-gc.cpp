// kp2p-gc: removes what was loaded and can be loaded again.
#include "cmd/without_daemon.hpp"
#include "node/client/command.hpp"
#include "node/client/daemon.hpp"
#include "proto/byte_size.hpp"
#include "proto/json.hpp"

using namespace kp2p;

int main(int argc, char** argv) {
    client::Command command("kp2p-gc",
                            "Removes what was loaded from others, that which was used longest ago "
                            "first. What is stored, linked or pinned stays.",
                            client::Needs::daemon);
    const WithoutDaemon without(command);
    const auto& most = command.option<proto::ByteSize>(
        "--max", "SIZE", "only as much as is more than this (default: 0)");
    const bool& dry = command.flag("--dry-run", "only say what would be removed");
    return command.run(argc, argv, [&](client::Daemon& daemon) -> Result<void> {
        proto::JsonWriter body;
        body.begin_object().field("max", most ? most->bytes : 0).field("dry_run", dry).end_object();
        auto removed = daemon.request(
            {.path = "/v1/gc", .promised = "files", .body = body.take(), .storage_alone = true});
        if (!removed) return removed.error();
        const auto outcome = [&]() -> Result<void> {
            if (!removed->has("unread")) return ok;
            return command.failure(Errc::storage_unavailable,
                                   "not all could be looked at: " + removed->string("unread"));
        };
        if (command.json()) {
            auto printed = command.print_json(removed->text());
            return printed ? outcome() : printed;
        }
        command.say(std::string(dry ? "would remove " : "removed ") +
                    proto::count_words(removed->number("files"), "file") + ", " +
                    proto::size_words(removed->number("bytes")));
        return outcome();
    });
}
