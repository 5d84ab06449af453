#include "node/client/channel_names.hpp"

#include <cerrno>
#include <cstdio>
#include <memory>

namespace kp2p::client {
namespace {

enum class Lines { first, all };

constexpr std::size_t max_lines = 10'000, longest_name_line_bytes = 16 * 1024;

// Lines without their ends, one more than there may be. Longer than what has a name in it can be,
// they are cut, and are none.
Result<std::vector<std::string>> read_lines(std::FILE* file, Lines wanted) {
    std::vector<std::string> lines;
    std::string line;
    for (int c; lines.size() <= max_lines && (c = std::getc(file)) != EOF;) {
        if (c != '\n') {
            if (line.size() <= longest_name_line_bytes) line.push_back(static_cast<char>(c));
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
                                           const std::string& where, ReadName read_name) {
    if (lines.size() > max_lines)
        return command.failure(
            Errc::usage, where + ": it has more than " + std::to_string(max_lines) + " lines");
    std::vector<ChannelName> names;
    for (const std::string& line : lines) {
        if (line.empty()) continue;
        std::string complaint;
        auto name = read_name(line, complaint);
        if (!name) return command.failure(Errc::usage, where + ": " + complaint);
        names.push_back(*std::move(name));
    }
    return names;
}

Result<std::vector<ChannelName>> read_input(Command& command, Lines wanted, ReadName read_name) {
    const std::string where = "standard input";
    auto lines = read_lines(stdin, wanted);
    if (!lines) return command.failure(lines.error(), where);
    return parse_all(command, *lines, where, read_name);
}

Result<std::vector<ChannelName>> read_file(Command& command, const std::string& file,
                                           ReadName read_name) {
    if (file == "-") return read_input(command, Lines::all, read_name);
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> opened(std::fopen(file.c_str(), "re"),
                                                                 &std::fclose);
    if (!opened) return command.failure(std::error_code(errno, std::generic_category()), file);
    auto lines = read_lines(opened.get(), Lines::all);
    if (!lines) return command.failure(lines.error(), file);
    return parse_all(command, *lines, file, read_name);
}

}  // namespace

Result<ChannelName> plain_name(std::string_view text, std::string& complaint) {
    auto name = ChannelName::parse(text);
    if (!name) complaint = ChannelName::rule;
    return name;
}

Result<std::vector<ChannelName>> read_channel_file(Command& command, const std::string& file) {
    return read_file(command, file, &plain_name);
}

Result<std::vector<ChannelName>> channel_names(Command& command,
                                               const std::optional<std::string>& name,
                                               const std::optional<std::string>& file,
                                               ReadName read_name) {
    if (name.has_value() == file.has_value())
        return command.failure(Errc::usage, "either NAME or --channel-file is needed");
    Result<std::vector<ChannelName>> names;
    if (file)
        names = read_file(command, *file, read_name);
    else if (*name == "-")
        names = read_input(command, Lines::first, read_name);
    else
        names = parse_all(command, {*name}, "NAME", read_name);
    if (names && names->empty())
        return command.failure(Errc::usage, "there is no channel's name in it");
    return names;
}

}  // namespace kp2p::client
