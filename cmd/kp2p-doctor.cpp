// kp2p-doctor: says how this node is, what keeps it from others, and what to do; or tries each way
// to a node, or to those who provide a file.
#include "cmd/doctor_words.hpp"
#include "node/client/command.hpp"
#include "node/client/daemon.hpp"
#include "node/process/offline_doctor.hpp"
#include "proto/file/uri.hpp"
#include "proto/json.hpp"
#include "proto/report/json.hpp"
#include "proto/text.hpp"

using namespace kp2p;

namespace {

// Whom to try ways to.
struct Target {
    std::string key, value;  // of the question to the daemon
    bool is_whole = true;    // or the first digits of a node's key

    static Result<Target> parse(std::string_view text, std::string& complaint) {
        const std::string_view node = proto::without_blanks_around(text);
        if (NodeId::from_hex(node)) return Target{"node", std::string(node)};
        auto uri = proto::Uri::parse(text, complaint);
        if (uri) return Target{"uri", uri->written};
        constexpr std::size_t least_digits = 8;
        if (node.size() >= least_digits && node.find_first_not_of("0123456789abcdef") == node.npos)
            return Target{"node", std::string(node), false};
        complaint =
            "neither a node's key, 64 hex digits or the first eight, nor a URI: " + complaint;
        return Errc::usage;
    }
};

// The node that people call by its first digits, of those that we are connected to.
Result<Target> whole(client::Command& command, client::Daemon& daemon, const Target& target) {
    if (target.is_whole) return target;
    const auto status = daemon.request({"/v1/status", "peers", {}, "GET"});
    if (!status) return status.error();
    std::vector<std::string> found;
    for (const client::Answer& peer : status->list("peers"))
        if (peer.string("node").starts_with(target.value)) found.push_back(peer.string("node"));
    if (found.size() == 1) return Target{"node", found.front()};
    return command.failure(Errc::usage, std::to_string(found.size()) +
                                            " connected nodes have a key that begins with " +
                                            target.value + "; all 64 digits say which is meant");
}

Result<void> print(client::Command& command, const char* event, const client::Answer& answer,
                   const std::string& text) {
    if (!command.json()) return command.print(text);
    return command.print_json("{\"event\":\"" + std::string(event) + "\"," +
                              answer.text().substr(1));
}

// One of the answer's lists, and how many of it are a problem.
Result<std::size_t> print_checks(client::Command& command,
                                 const std::vector<client::Answer>& checks) {
    std::size_t problems = 0;
    for (const client::Answer& check : checks) {
        problems += check.string("health") == name_of(Health::problem);
        auto printed = print(command, "check", check, describe_check(check));
        if (!printed) return printed.error();
    }
    return problems;
}

Result<void> conclude(client::Command& command, std::size_t problems) {
    if (problems > 0)
        return command.failure(Errc::failed,
                               "problems that were found: " + std::to_string(problems));
    if (command.json()) return command.print_json(R"({"event":"result","problems":0})");
    return ok;
}

Result<void> examine_here(client::Command& command) {
    std::string trouble;
    const client::Flags flags{{"--config-dir", {command.config().dir().string()}}};
    auto config = client::Config::resolve(Needs::node, flags, client::process_environment, trouble);
    Settings settings;
    if (config) {
        settings = config->settings();
        settings.storage_dir = config->storage_path();
    }
    std::vector<client::Answer> checks;
    for (const Check& check : examine_without_daemon(settings, trouble)) {
        proto::JsonWriter json;
        write_check(json.begin_object(), check);
        checks.emplace_back(json.end_object().take());
    }
    auto problems = print_checks(command, checks);
    if (!problems) return problems.error();
    return command.failure(Errc::no_daemon, "this is what could be seen without one");
}

Result<void> examine_daemon(client::Command& command, client::Daemon& daemon) {
    auto health = daemon.request(
        {.path = "/v1/doctor", .promised = "checks", .method = "GET", .takes_time = true});
    if (!health && health.error() == Errc::no_daemon) return examine_here(command);
    if (!health) return health.error();
    auto problems = print_checks(command, health->list("checks"));
    if (!problems) return problems.error();
    for (const client::Answer& peer : health->list("peers"))
        if (auto printed = print(command, "peer", peer, describe_peer(peer)); !printed)
            return printed;
    for (const client::Answer& node : health->list("unreached")) {
        const std::string text = describe_unreached(node);
        if (auto printed = print(command, "unreached", node, text); !printed) return printed;
    }
    return conclude(command, *problems);
}

Result<void> try_ways(client::Command& command, client::Daemon& daemon, const Target& target) {
    proto::JsonWriter body;
    body.begin_object().field(target.key, target.value).end_object();
    std::string node;  // that the last line was about
    const auto show = [&](const client::Answer& event) -> Result<void> {
        if (command.json()) return command.print_json(event.text());
        if (event.string("event") != "trial") return ok;
        if (std::exchange(node, event.string("node")) != event.string("node"))
            if (auto named = command.print("node " + event.string("node")); !named) return named;
        return command.print(describe_trial(event));
    };
    auto tried = daemon.events({"/v1/trial", "ways", body.take()}, show);
    if (!tried) return tried.error();
    if (command.json()) return command.print_json(tried->text());
    if (tried->number("nodes") == 0) command.say("nobody but this node provides it");
    return ok;
}

}  // namespace

int main(int argc, char** argv) {
    client::Command command("kp2p-doctor",
                            "Says how this node is, what keeps it from others, and what to do.",
                            client::Needs::daemon);
    const auto& target = command.optional_argument<Target>(
        "NODE|URI", "try each way to this node, or to those who provide this file");
    return command.run(argc, argv, [&](client::Daemon& daemon) -> Result<void> {
        if (!target) return examine_daemon(command, daemon);
        const auto node_or_file = whole(command, daemon, *target);
        if (!node_or_file) return node_or_file.error();
        return try_ways(command, daemon, *node_or_file);
    });
}
