// kp2p-load: gets files, or whole sha1dirs, verified, and prints where each lies.
#include <set>

#include "cmd/dest/load_to.hpp"
#include "cmd/join_channel.hpp"
#include "cmd/load_ahead.hpp"
#include "cmd/load_place.hpp"
#include "cmd/load_progress.hpp"
#include "cmd/outage.hpp"
#include "cmd/uri_list.hpp"
#include "cmd/without_daemon.hpp"
#include "node/client/command.hpp"
#include "node/client/daemon.hpp"
#include "node/client/paths.hpp"
#include "node/client/progress_bar.hpp"
#include "proto/file/uri.hpp"
#include "proto/json.hpp"

using namespace kp2p;

namespace {

Result<void> join(client::Command& command, client::Daemon& daemon, const Invitation& invitation) {
    auto joined = join_channel(command, daemon, invitation.channel);
    if (!joined) return joined.error();
    if (!invitation.hint().empty()) command.say(invitation.hint());
    return ok;
}

// Each channel once, before anything is looked for.
Result<void> join_all(client::Command& command, client::Daemon& daemon,
                      const std::vector<Named>& all) {
    std::set<ChannelName> joined;
    for (const Named& each : all)
        if (each.invitation && joined.insert(each.invitation->channel).second)
            if (auto done = join(command, daemon, *each.invitation); !done) return done;
    return ok;
}

Result<void> deliver(const Delivery& by, const proto::Uri& uri, const std::string& dest,
                     Earlier& earlier) {
    client::Command& command = by.command;
    auto path = client::absolute(dest);
    if (dest == "-") path = std::filesystem::path(dest);
    if (!path)  // as it was removed
        return command.failure(Errc::usage, "--dest \"" + dest + "\": the current directory: " +
                                                path.error().message());
    auto delivered = load_to(by, uri, *path, earlier);
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
    auto loaded = by.load(uri.written, Naming::own);
    if (!loaded) return loaded.error();
    if (by.command.json()) return by.command.print_json(loaded->text());
    return by.command.print(loaded->string("path"));
}

struct LoadWish {
    LoadPlace place;
    std::optional<proto::Duration> wait;
    Delivery::Flush flush;
};

Result<void> load(client::Command& command, client::Daemon& daemon, const proto::Uri& uri,
                  const LoadWish& wish, LoadAhead* ahead, Earlier& earlier) {
    auto dest = place_of(command, uri, wish.place);
    if (!dest) return dest.error();
    client::ProgressBar bar(command);
    const auto show = [&](const client::Answer& event) -> Result<void> {
        const bool is_remark = event.string("event") == "remark";
        if (!is_remark) bar.show(progress_of(event, uri));
        if (command.json()) return command.print_json(event.text());
        if (is_remark) command.say(event.string("message"));
        return ok;
    };
    Delivery by{command, daemon, show, wish.wait, wish.flush};
    if (ahead) by.ahead = ahead->wait(show);
    Result<void> loaded = Errc::canceled;
    if (!ahead || !command.stop().stop_requested())
        loaded = dest->empty() ? store(by, uri) : deliver(by, uri, *dest, earlier);
    if (loaded || loaded.error() != Errc::canceled || !command.stop().stop_requested())
        return loaded;
    return command.failure(Errc::canceled, "stopped; " + client::kept_words(bar.last()));
}

}  // namespace

int main(int argc, char** argv) {
    client::Command command("kp2p-load", "Gets files, verified, and prints where each lies.",
                            client::Needs::daemon);
    command.may_start_daemon();
    const WithoutDaemon without(command);
    const auto& named = command.optional_arguments<Named>(
        "URI", "sha1://..., sha1dir://..., the 40 digits of a SHA-1, or an invitation");
    const auto& list = command.option<std::string>(
        "-i,--input", "FILE",
        "get what is in it as well, a URI or invitation a line (-: standard input)");
    const auto& dest =
        command.option<std::string>("--dest", "PATH",
                                    "copy it there (-: to standard output; a directory, or DIR/ to "
                                    "make one: into it, under its own name); a "
                                    "whole sha1dir becomes this directory");
    const bool& own_name = command.flag("-O,--own-name", "copy it here, under its own name");
    const auto& wait = command.option<proto::Duration>("--wait", "TIME", wait_help);
    const bool& no_flush = command.flag(
        "--no-flush", "do not wait until what goes to --dest, or here with -O, is on the disk");
    command.stop_on_signals();  // it leaves nothing half written
    return command.run(argc, argv, [&](client::Daemon& daemon) -> Result<void> {
        std::vector<Named> all = named;
        if (list) {
            auto listed = read_uris(command, *list);
            if (!listed) return listed.error();
            all.insert(all.end(), listed->begin(), listed->end());
        }
        const auto flush = no_flush ? Delivery::Flush::never : Delivery::Flush::always;
        const LoadWish wish{{dest, own_name, list || all.size() > 1}, wait, flush};
        if (all.empty() && !list) return command.failure(Errc::usage, "no URI was given");
        if (dest && own_name)
            return command.failure(Errc::usage, "--dest and --own-name exclude each other");
        if (dest && all.size() > 1 && *dest != "-" && !is_directory_place(*dest))
            return command.failure(Errc::usage, "several files go to --dest DIR/, a directory");
        if (auto joined = join_all(command, daemon, all); !joined) return joined;
        // The first one alone: it starts a daemon, or finds that there is none.
        std::vector<proto::Uri> uris;
        for (const Named& each : all) uris.push_back(each.uri);
        const Naming naming = dest || own_name ? Naming::none : Naming::own;
        const auto later = std::span(uris).subspan(uris.empty() ? 0 : 1);
        LoadAhead ahead(command, {later, naming, wait});
        Earlier earlier;
        Result<void> outcome = ok;
        for (const proto::Uri& uri : uris) {
            LoadAhead* by = &uri != uris.data() ? &ahead : nullptr;
            auto loaded = load(command, daemon, uri, wish, by, earlier);
            if (loaded) continue;
            if (all.size() == 1 || loaded.error() == Errc::canceled) return loaded;
            command.complain(loaded.error(), daemon, uri.written);
            if (outcome) outcome = loaded;
        }
        return outcome;
    });
}
