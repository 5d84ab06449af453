// kp2p-limit: prints how fast files may travel and how much may be kept, and changes it.
#include <algorithm>

#include "node/client/channel_names.hpp"
#include "node/client/command.hpp"
#include "node/client/daemon.hpp"
#include "node/settings/setting.hpp"
#include "proto/byte_size.hpp"
#include "proto/json.hpp"

using namespace kp2p;

namespace {

std::string size_of(const client::Answer& settings, const char* key) {
    const std::uint64_t bytes = settings.number(key);
    return bytes == 0 ? "none" : proto::size_words(bytes);
}

// "up  08:00,500K 19:00,none (now 500 kB/s)"
std::string rate_line(const client::Answer& settings, const char* key, const char* now) {
    const std::string rate = size_of(settings, now);
    return settings.string(key) + " (now " + rate + (rate == "none" ? "" : "/s") + ")";
}

std::string of_channel(const client::Answer& limits) {
    return "channel " + limits.string("channel") + ": up " +
           rate_line(limits, "limit_up", "up_bytes_per_second") + ", down " +
           rate_line(limits, "limit_down", "down_bytes_per_second");
}

std::string describe(const client::Answer& settings) {
    const std::string quota = settings.string("quota");
    const std::string all =
        "up      " + rate_line(settings, "limit_up", "up_bytes_per_second") +        //
        "\ndown    " + rate_line(settings, "limit_down", "down_bytes_per_second") +  //
        "\nin lan  " + settings.string("limit_lan") + "\nquota   " +
        (quota == "none" ? quota : proto::size_words(std::stoull(quota)));
    std::string channels;
    for (const client::Answer& each : settings.list("channels"))
        channels += '\n' + of_channel(each);
    return all + channels;
}

// What the daemon would say of a value, in the words of this command.
struct Value {
    const char* flag;
    const char* key;
    const std::optional<std::string>& text;
};

Result<void> check(client::Command& command, const Value& value) {
    const auto row = std::ranges::find(setting_table(), value.key, &Setting::key);
    Settings unused;
    std::string complaint;
    if (row == setting_table().end() || row->read(unused, {*value.text}, complaint)) return ok;
    return command.failure(Errc::usage, std::string(value.flag) + ": " + complaint);
}

Result<void> print_channel(client::Command& command, client::Daemon& daemon,
                           const client::Answer& settings, const ChannelName& channel) {
    for (const client::Answer& each : settings.list("channels"))
        if (each.string("channel") == channel.text())
            return command.json() ? command.print_json(each.text())
                                  : command.print(of_channel(each));
    const auto joined = daemon.request({"/v1/channels", "channels", {}, "GET"});
    if (!joined) return joined.error();
    const auto names = joined->strings("channels");
    if (std::ranges::find(names, channel.text()) == names.end())
        return command.failure(Errc::usage, "this node is not in the channel " + channel.text());
    if (!command.json()) return command.print("channel " + channel.text() + ": up none, down none");
    proto::JsonWriter json;
    json.begin_object().field("channel", channel.text()).field("limit_up", "none");
    return command.print_json(json.field("limit_down", "none").end_object().take());
}

}  // namespace

int main(int argc, char** argv) {
    client::Command command("kp2p-limit",
                            "Limits how fast the running daemon gives and loads files, and how "
                            "much it keeps, now and at later starts; says what holds.",
                            client::Needs::daemon);
    const auto& up = command.option<std::string>(
        "--up", "RATE",
        "give others so many bytes a second, such as 800K or 5M, or by the hour: "
        "\"08:00,500K 19:00,none\"; none: as many as there is room for");
    const auto& down = command.option<std::string>("--down", "RATE", "ask others for so many");
    const auto& lan = command.option<std::string>("--lan", "WHETHER",
                                                  "on: both hold in the LAN too; off: they do not");
    const auto& quota = command.option<std::string>(
        "--quota", "SIZE", "the storage takes no file that would make it larger; none: any");
    const auto& channel = command.option<std::string>(
        "--channel", "NAME", "--up and --down are of files from and to members of this one");
    return command.run(argc, argv, [&](client::Daemon& daemon) -> Result<void> {
        std::optional<ChannelName> of;
        if (channel) {
            std::string complaint;
            auto name = client::plain_name(*channel, complaint);
            if (!name) return command.failure(Errc::usage, "--channel: " + complaint);
            of = *std::move(name);
        }
        if (of && (lan || quota))
            return command.failure(Errc::usage, "--channel goes with --up and --down alone");
        proto::JsonWriter body;
        body.begin_object();
        if (of) body.field("channel", of->text());
        bool asks = true;
        for (const Value& value : {Value{"--up", "limit_up", up},
                                   {"--down", "limit_down", down},
                                   {"--lan", "limit_lan", lan},
                                   {"--quota", "quota", quota}}) {
            if (!value.text) continue;
            if (auto right = check(command, value); !right) return right;
            body.field(value.key, *value.text);
            asks = false;
        }
        body.end_object();
        auto settings = asks ? daemon.request({"/v1/settings", "limit_up", {}, "GET"})
                             : daemon.request({"/v1/settings", "limit_up", body.take(), "POST"});
        if (!settings) return settings.error();
        if (of && asks) return print_channel(command, daemon, *settings, *of);
        if (command.json()) return command.print_json(settings->text());
        return command.print(describe(*settings));
    });
}
