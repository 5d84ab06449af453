// kp2p-limit: prints how fast files may travel and how much may be kept, and changes it.
#include "node/client/command.hpp"
#include "node/client/daemon.hpp"
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

std::string of_channels(const client::Answer& settings) {
    std::string lines;
    for (const client::Answer& each : settings.list("channels"))
        lines += "\nchannel " + each.string("channel") + ": up " +
                 rate_line(each, "limit_up", "up_bytes_per_second") + ", down " +
                 rate_line(each, "limit_down", "down_bytes_per_second");
    return lines;
}

std::string describe(const client::Answer& settings) {
    const std::string quota = settings.string("quota");
    const std::string all =
        "up      " + rate_line(settings, "limit_up", "up_bytes_per_second") +        //
        "\ndown    " + rate_line(settings, "limit_down", "down_bytes_per_second") +  //
        "\nin lan  " + settings.string("limit_lan") + "\nquota   " +
        (quota == "none" ? quota : proto::size_words(std::stoull(quota)));
    return all + of_channels(settings);
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
        proto::JsonWriter body;
        body.begin_object();
        if (channel) body.field("channel", *channel);
        if (up) body.field("limit_up", *up);
        if (down) body.field("limit_down", *down);
        if (lan) body.field("limit_lan", *lan);
        if (quota) body.field("quota", *quota);
        body.end_object();
        const bool asks = !up && !down && !lan && !quota;
        auto settings = asks ? daemon.request({"/v1/settings", "limit_up", {}, "GET"})
                             : daemon.request({"/v1/settings", "limit_up", body.take(), "POST"});
        if (!settings) return settings.error();
        if (command.json()) return command.print_json(settings->text());
        return command.print(describe(*settings));
    });
}
