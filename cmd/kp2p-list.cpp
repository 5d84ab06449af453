// kp2p-list: prints what is in the storage: size, how it came, when, name and URI.
#include <ctime>

#include "cmd/without_daemon.hpp"
#include "node/client/command.hpp"
#include "node/client/daemon.hpp"
#include "node/client/progress_line.hpp"
#include "proto/byte_size.hpp"

using namespace kp2p;

namespace {

constexpr std::size_t pinned_columns = 14;  // "stored, pinned"

std::string time_words(std::uint64_t seconds) {
    const auto time = static_cast<std::time_t>(seconds);
    std::tm local{};
    char text[32];
    if (!::localtime_r(&time, &local) || !std::strftime(text, sizeof text, "%F %H:%M", &local))
        return "-";
    return text;
}

std::string padded(std::string text, std::size_t width) {
    const std::size_t columns = client::columns_of(text);
    return columns < width ? text.append(width - columns, ' ') : text;
}

std::string line_of(const client::Command& command, const client::Answer& file) {
    const std::string size = proto::size_words(file.number("size"));
    const std::string kind = file.string("kind") + (file.truth("pinned") ? ", pinned" : "");
    const std::string name = file.string("name");
    return std::string(size.size() < 8 ? 8 - size.size() : 0, ' ') + size + "  " +
           padded(kind, pinned_columns) + "  " + time_words(file.number("time")) + "  " +
           padded(name.empty() ? "-" : name, 24) + "  " + command.shown_uri(file.string("uri"));
}

}  // namespace

int main(int argc, char** argv) {
    client::Command command("kp2p-list",
                            "Prints what is in the storage, the latest first: size, stored, linked "
                            "or loaded, when, name, URI.",
                            client::Needs::daemon);
    const WithoutDaemon without(command);
    return command.run(argc, argv, [&](client::Daemon& daemon) -> Result<void> {
        const auto show = [&](const client::Answer& event) -> Result<void> {
            if (command.json()) return command.print_json(event.text());
            if (event.string("event") != "file") return ok;
            return command.print(line_of(command, event));
        };
        auto listed = daemon.events(
            {.path = "/v1/files", .promised = "files", .method = "GET", .storage_alone = true},
            show);
        if (!listed) return listed.error();
        if (command.json())
            if (auto printed = command.print_json(listed->text()); !printed) return printed;
        if (!listed->has("unread")) return ok;
        return command.failure(Errc::storage_unavailable,
                               "not all is listed: " + listed->string("unread"));
    });
}
