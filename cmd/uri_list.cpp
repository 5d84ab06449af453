#include "cmd/uri_list.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <memory>

namespace kp2p {
namespace {

using Closer = int (*)(std::FILE*);
int leave_open(std::FILE*) { return 0; }

// Longer than a URI that still is one, or an invitation.
constexpr std::size_t max_line_bytes = std::max(proto::max_uri_bytes, Invitation::max_bytes);

// Without its end; what is longer than anything can be is cut, and is none. False at the end.
bool read_line(std::FILE* file, std::string& line) {
    line.clear();
    for (int c; (c = std::getc(file)) != EOF;) {
        if (c == '\n') return true;
        if (line.size() <= max_line_bytes) line.push_back(static_cast<char>(c));
    }
    return !line.empty();
}

}  // namespace

Result<Named> Named::parse(std::string_view text, std::string& complaint) {
    if (text.find(Invitation::scheme) == text.npos) {
        auto uri = proto::Uri::parse(text, complaint);
        if (!uri) return uri.error();
        return Named{*std::move(uri)};
    }
    auto invitation = Invitation::parse(text, complaint);
    if (!invitation) return invitation.error();
    if (invitation->file) return Named{*invitation->file, *invitation};
    complaint = "this invitation is to a channel, and to no file: kp2p-join takes it";
    return Errc::usage;
}

Result<std::vector<Named>> read_uris(client::Command& command, const std::string& file) {
    const bool standard = file == "-";
    const std::string where = standard ? "standard input" : file;
    const std::unique_ptr<std::FILE, Closer> opened(
        standard ? stdin : std::fopen(file.c_str(), "re"), standard ? &leave_open : &std::fclose);
    const auto failed = [&] {
        return command.failure(std::error_code(errno, std::generic_category()), where);
    };
    if (!opened) return failed();
    std::vector<Named> uris;
    std::string line;
    for (std::size_t number = 1; read_line(opened.get(), line); ++number) {
        const auto first = line.find_first_not_of(" \t\r");
        if (first == line.npos || line[first] == '#') continue;
        std::string complaint;
        auto uri = Named::parse(line, complaint);
        if (!uri)
            return command.failure(Errc::usage,
                                   where + ", line " + std::to_string(number) + ": " + complaint);
        uris.push_back(*std::move(uri));
    }
    if (std::ferror(opened.get())) return failed();
    return uris;
}

}  // namespace kp2p
