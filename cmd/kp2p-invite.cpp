// kp2p-invite: prints one line that has all that another needs to join a channel and load a file.
#include <unistd.h>

#include <algorithm>

#include "cmd/invitation.hpp"
#include "cmd/join_channel.hpp"
#include "cmd/qr/qr_code.hpp"
#include "node/client/channel_names.hpp"
#include "node/client/command.hpp"
#include "node/client/daemon.hpp"
#include "proto/json.hpp"
#include "proto/tunnel/relay_url.hpp"

using namespace kp2p;

namespace {

Result<ChannelName> join_new(client::Command& command, client::Daemon& daemon,
                             const std::string& name) {
    auto channel = new_channel(command, name);
    if (!channel) return channel;
    auto joined = join_channel(command, daemon, *channel);
    if (!joined) return joined.error();
    return channel;
}

Result<ChannelName> channel_of(client::Command& command, client::Daemon& daemon,
                               const std::optional<std::string>& named) {
    auto answer = daemon.request({"/v1/channels", "channels", {}, "GET"});
    if (!answer) return answer.error();
    const auto names = answer->strings("channels");
    if (names.empty())
        return command.failure(Errc::usage, "this node is in no channel; --new makes one");
    if (!named && names.size() > 1)
        return command.failure(Errc::usage, "this node is in " + std::to_string(names.size()) +
                                                " channels; --channel says which");
    if (!named) return ChannelName::parse(names.front());
    std::string complaint;
    auto wanted = client::plain_name(*named, complaint);
    if (!wanted) return command.failure(Errc::usage, "--channel: " + complaint);
    if (std::ranges::find(names, wanted->text()) != names.end()) return wanted;
    return command.failure(Errc::usage, "this node is not in the channel " + wanted->text());
}

// Where this node can be reached over TCP from the Internet, as far as it knows.
std::vector<std::string> peers_of(const client::Answer& status) {
    std::string at = status.string("mapped_tcp");
    if (at.empty() && !status.truth("firewalled") && status.has("tcp"))
        at = status.string("public_address");
    if (at.empty()) return {};
    return {status.string("node") + "@" + at};
}

Result<void> show(client::Command& command, const Invitation& invitation) {
    const std::string text = invitation.text();
    if (command.json()) {
        proto::JsonWriter json;
        json.begin_object().field("event", "invitation").field("text", text);
        return command.print_json(json.end_object().take());
    }
    command.say(invitation.file ? "For another computer: kp2p-load --start-daemon, and this line."
                                : "For another computer: kp2p-join --start-daemon, and this line.");
    command.say("It is a secret: whoever has it can join the channel.");
    auto printed = command.print(text);
    if (!printed || ::isatty(STDOUT_FILENO) != 1 || command.quiet()) return printed;
    const auto code = qr_code(text);
    return code ? command.print(*code) : printed;
}

}  // namespace

int main(int argc, char** argv) {
    client::Command command("kp2p-invite",
                            "Prints one line by which others join a channel, and load a file.",
                            client::Needs::daemon);
    command.may_start_daemon();
    const auto& uri = command.optional_argument<proto::Uri>("URI", "of a file to load at once");
    const auto& channel = command.option<std::string>(
        "--channel", "NAME", "of the channels that this node is in (default: the only one)");
    const auto& is_new = command.option<std::string>(
        "--new", "NAME", "join a new channel, called this with 80 random bits appended");
    const auto& relay = command.option<std::string>("--relay-url", "URL",
                                                    "of a kp2p-relay, for where UDP is blocked");
    return command.run(argc, argv, [&](client::Daemon& daemon) -> Result<void> {
        if (channel && is_new)
            return command.failure(Errc::usage, "--channel and --new exclude each other");
        std::string complaint;
        if (relay && !proto::tunnel::RelayUrl::parse(*relay, complaint))
            return command.failure(
                Errc::usage,
                "--relay-url takes https://HOST[:PORT]/#TOKEN as kp2p-relay prints it: " +
                    complaint);
        auto name =
            is_new ? join_new(command, daemon, *is_new) : channel_of(command, daemon, channel);
        if (!name) return name.error();
        auto status = daemon.request({"/v1/status", "node", {}, "GET"});
        if (!status) return status.error();
        const Invitation invitation{*name, uri, peers_of(*status), relay};
        if (auto right = Invitation::parse(invitation.text(), complaint); !right)
            return command.failure(right.error(), complaint);
        return show(command, invitation);
    });
}
