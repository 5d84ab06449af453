// kp2p-join: puts the node into a channel, until it leaves.
#include "cmd/invitation.hpp"
#include "cmd/join_channel.hpp"
#include "node/client/channel_names.hpp"
#include "node/client/command.hpp"
#include "node/client/daemon.hpp"

using namespace kp2p;

namespace {

// What was pasted may have blanks or quotes around it.
bool is_invitation(std::string_view text) {
    return text.find(Invitation::scheme) != std::string_view::npos;
}

Result<ChannelName> read_name(std::string_view text, std::string& complaint) {
    if (!is_invitation(text)) return client::plain_name(text, complaint);
    auto invitation = Invitation::parse(text, complaint);
    if (!invitation) return invitation.error();
    return invitation->channel;
}

Result<void> join(client::Command& command, client::Daemon& daemon, const ChannelName& channel) {
    auto joined = join_channel(command, daemon, channel);
    if (!joined) return joined.error();
    if (command.json()) return command.print_json(joined->text());
    return ok;
}

}  // namespace

int main(int argc, char** argv) {
    client::Command command("kp2p-join", "Joins a channel; its name is its secret.",
                            client::Needs::daemon);
    command.may_start_daemon();
    const auto& name = command.optional_argument<std::string>(
        "NAME", "of the channel, or an invitation; -: a line of standard input");
    const auto& file = command.option<std::string>("--channel-file", "FILE",
                                                   "the names, one a line; -: standard input");
    const bool& is_new = command.flag(
        "--new", "append 80 random bits to NAME, so that nobody can guess it, and print it");
    return command.run(argc, argv, [&](client::Daemon& daemon) -> Result<void> {
        if (is_new) {
            if (file) return command.failure(Errc::usage, "--new takes NAME, and no file");
            auto channel = new_channel(command, name.value_or("-"));
            if (!channel) return channel.error();
            if (auto joined = join(command, daemon, *channel); !joined) return joined;
            if (command.json()) return ok;
            command.say(
                "The name is the secret: whoever knows it can join, and gets the files "
                "that its members share.");
            return command.print(channel->text());
        }
        if (name && is_invitation(*name)) {
            std::string complaint;
            const auto invitation = Invitation::parse(*name, complaint);
            if (!invitation) return command.failure(Errc::usage, complaint);
            auto joined = join(command, daemon, invitation->channel);
            if (joined && !invitation->hint().empty()) command.say(invitation->hint());
            return joined;
        }
        const auto channels = client::channel_names(command, name, file, &read_name);
        if (!channels) return channels.error();
        for (const ChannelName& channel : *channels)
            if (auto joined = join(command, daemon, channel); !joined) return joined;
        return ok;
    });
}
