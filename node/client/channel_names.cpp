#include "node/client/channel_names.hpp"

#include <cerrno>
#include <cstdio>
#include <memory>

namespace kp2p::client {
namespace {

enum class Lines { first, all };

constexpr std::size_t max_lines = 10'000;

// Lines without their ends, one more than there may be. Longer than a name can be, they are none.
Result<std::vector<std::string>> read_lines(std::FILE* file, Lines wanted) {
    std::vector<std::string> lines;
    std::string line;
    for (int c; lines.size() <= max_lines && (c = std::getc(file)) != EOF;) {
        if (c != '\n') {
            if (line.size() <= ChannelName::max_bytes + 1) line.push_back(static_cast<char>(c));
            continue;
        }
        if (line.ends_with('\r')) line.pop_back();
        lines.push_back(std::exchange(line, {}));
        if (wanted == Lines::first) return lines;
    }
    if (std::ferror(file)) return std::error_code(errno, std::generic_category());
    if (!line.empty()) lines.push_back(std::move(line));
    return lines;
}

Result<std::vector<ChannelName>> parse_all(Command& command, const std::vector<std::string>& lines,
                                           const std::string& where) {
    if (lines.size() > max_lines)
        return command.failure(
            Errc::usage, where + ": it has more than " + std::to_string(max_lines) + " lines");
    std::vector<ChannelName> names;
    for (const std::string& line : lines) {
        if (line.empty()) continue;
        auto name = ChannelName::parse(line);
        if (!name)
            return command.failure(
                Errc::usage, where + ": a channel's name is 1 to 200 bytes of text in one line");
        names.push_back(*std::move(name));
    }
    return names;
}

Result<std::vector<ChannelName>> read_input(Command& command, Lines wanted) {
    const std::string where = "standard input";
    auto lines = read_lines(stdin, wanted);
    if (!lines) return command.failure(lines.error(), where);
    return parse_all(command, *lines, where);
}

}  // namespace

Result<std::vector<ChannelName>> read_channel_file(Command& command, const std::string& file) {
    if (file == "-") return read_input(command, Lines::all);
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> opened(std::fopen(file.c_str(), "re"),
                                                                 &std::fclose);
    if (!opened) return command.failure(std::error_code(errno, std::generic_category()), file);
    auto lines = read_lines(opened.get(), Lines::all);
    if (!lines) return command.failure(lines.error(), file);
    return parse_all(command, *lines, file);
}

Result<std::vector<ChannelName>> channel_names(Command& command,
                                               const std::optional<std::string>& name,
                                               const std::optional<std::string>& file) {
    if (name.has_value() == file.has_value())
        return command.failure(Errc::usage, "either NAME or --channel-file is needed");
    Result<std::vector<ChannelName>> names;
    if (file)
        names = read_channel_file(command, *file);
    else if (*name == "-")
        names = read_input(command, Lines::first);
    else
        names = parse_all(command, {*name}, "NAME");
    if (names && names->empty())
        return command.failure(Errc::usage, "there is no channel's name in it");
    return names;
}

}  // namespace kp2p::client
