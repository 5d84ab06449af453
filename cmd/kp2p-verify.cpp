// kp2p-verify: reads all that is in the storage, and says what has rotted.
#include "cmd/without_daemon.hpp"
#include "node/client/command.hpp"
#include "node/client/daemon.hpp"
#include "proto/byte_size.hpp"
#include "proto/file/uri.hpp"
#include "proto/json.hpp"

using namespace kp2p;

namespace {

Result<void> conclude(client::Command& command, const client::Answer& checked) {
    const std::uint64_t damaged = checked.number("damaged"), repaired = checked.number("repaired"),
                        away = checked.number("away"), missing = checked.number("missing"),
                        removed = checked.number("removed"), absent = checked.number("absent");
    if (command.json()) {
        if (auto printed = command.print_json(checked.text()); !printed) return printed;
    } else {
        if (removed > 0)
            command.say("not here, as kp2p-rm removed it: " + proto::count_words(removed, "file") +
                        " of what is stored");
        if (absent > 0)
            command.say("not here, as it was not loaded, or gave way: " +
                        proto::count_words(absent, "file") + " of the directory");
        command.say("checked " + proto::count_words(checked.number("files"), "file") + ", " +
                    proto::size_words(checked.number("bytes")) + ": " +
                    (damaged > 0 ? std::to_string(damaged) + " damaged"
                     : away == 0 && missing == 0 && absent == 0 && !checked.has("unread")
                         ? "all is well"
                         : "nothing is damaged") +
                    (repaired == 0 ? "" : ", " + std::to_string(repaired) + " fetched again"));
    }
    if (damaged != repaired)
        return command.failure(
            Errc::verification_failed,
            "files that are not what their hashes say: " + std::to_string(damaged - repaired));
    if (checked.has("unread"))
        return command.failure(Errc::storage_unavailable,
                               "not all could be checked: " + checked.string("unread"));
    if (missing > 0)
        return command.failure(Errc::failed, proto::count_words(missing, "file") +
                                                 " missing; --repair fetches from others, and "
                                                 "kp2p-rm forgets what is not to come again");
    if (away > 0)
        return command.failure(Errc::failed, proto::count_words(away, "linked file") +
                                                 " not there to be checked; the disk may be away");
    return ok;
}

}  // namespace

int main(int argc, char** argv) {
    client::Command command("kp2p-verify",
                            "Reads and hashes all that is in the storage, at low priority. What "
                            "has rotted is set aside and said.",
                            client::Needs::daemon);
    const WithoutDaemon without(command);
    const auto& uri = command.optional_argument<proto::Uri>("URI", "check this alone");
    const bool& repair = command.flag("--repair", "fetch again from others what has rotted");
    return command.run(argc, argv, [&](client::Daemon& daemon) -> Result<void> {
        proto::JsonWriter body;
        body.begin_object().field("repair", repair);
        if (uri) body.field("uri", uri->written);
        const auto show = [&](const client::Answer& event) -> Result<void> {
            if (command.json()) return command.print_json(event.text());
            if (event.string("event") == "damaged") return command.print_uri(event.string("uri"));
            const std::string message = event.string("message");
            for (const char* kind : {"away", "missing"})
                if (event.string("event") == kind)
                    command.say(kind + (": " + event.string("uri")) + ": " + message);
            if (event.string("event") == "repaired")
                command.say("fetched again: " + event.string("uri"));
            if (event.string("event") == "lost")
                command.say("not fetched again: " + event.string("uri") + ": " + message);
            return ok;
        };
        auto checked = daemon.events({.path = "/v1/verify",
                                      .promised = "damaged",
                                      .body = body.end_object().take(),
                                      .storage_alone = true},
                                     show);
        if (!checked) return checked.error();
        return conclude(command, *checked);
    });
}
