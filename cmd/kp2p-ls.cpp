// kp2p-ls: prints the entries of a sha1dir, one a line, directories ending in "/".
#include <algorithm>
#include <cstdio>

#include "cmd/without_daemon.hpp"
#include "node/client/command.hpp"
#include "node/client/daemon.hpp"
#include "proto/file/uri.hpp"
#include "proto/json.hpp"

using namespace kp2p;

namespace {

// A name with a line end or another control mark stands in quotes as C writes it, and so does one
// that begins with a quote, so that every line is one name.
std::string line_of(const std::string& name) {
    const auto is_control = [](char c) { return (c >= 0 && c < ' ') || c == 127; };
    if (!name.starts_with('"') && std::ranges::none_of(name, is_control)) return name;
    std::string quoted = "\"";
    for (const char c : name) {
        char octal[8];
        std::snprintf(octal, sizeof octal, "\\%03o", static_cast<unsigned>(c) & 0xff);
        if (c == '"' || c == '\\') quoted += '\\';
        quoted += c == '\n' ? "\\n" : is_control(c) ? octal : std::string(1, c);
    }
    return quoted + '"';
}

// Columns that are as wide for a directory, which has neither.
std::string details_of(const client::Answer& entry) {
    const bool is_file = entry.string("type") == "file";
    const std::string size = is_file ? std::to_string(entry.number("size")) : "-";
    char text[96];
    std::snprintf(text, sizeof text, "%13s %-40s ", size.c_str(),
                  is_file ? entry.string("sha1").c_str() : "-");
    return text;
}

}  // namespace

int main(int argc, char** argv) {
    client::Command command("kp2p-ls", "Prints the entries of a shared directory.",
                            client::Needs::daemon);
    const WithoutDaemon without(command);
    const auto& uri = command.argument<proto::Uri>("URI", "sha1dir://... or sha1dir://.../path");
    const bool& is_long = command.flag("-l,--long", "with size and SHA-1 before each name");
    return command.run(argc, argv, [&](client::Daemon& daemon) -> Result<void> {
        proto::JsonWriter body;
        body.begin_object().field("uri", uri->written).end_object();
        const auto show = [&](const client::Answer& event) -> Result<void> {
            if (command.json()) return command.print_json(event.text());
            if (event.string("event") != "entry") return ok;
            const bool is_directory = event.string("type") == "directory";
            const std::string name = line_of(event.string("name")) + (is_directory ? "/" : "");
            return command.print(is_long ? details_of(event) + name : name);
        };
        auto listed = daemon.events({"/v1/ls", "entries", body.take()}, show);
        if (!listed) return listed.error();
        if (command.json()) return command.print_json(listed->text());
        return ok;
    });
}
