#include "cmd/uri_list.hpp"

#include <cerrno>
#include <cstdio>
#include <memory>

namespace kp2p {
namespace {

using Closer = int (*)(std::FILE*);
int leave_open(std::FILE*) { return 0; }

// Without its end; what is longer than a URI can be is cut, and is none. False at the end.
bool read_line(std::FILE* file, std::string& line) {
    line.clear();
    for (int c; (c = std::getc(file)) != EOF;) {
        if (c == '\n') return true;
        if (line.size() <= proto::max_uri_bytes) line.push_back(static_cast<char>(c));
    }
    return !line.empty();
}

}  // namespace

Result<std::vector<proto::Uri>> read_uris(client::Command& command, const std::string& file) {
    const bool standard = file == "-";
    const std::string where = standard ? "standard input" : file;
    const std::unique_ptr<std::FILE, Closer> opened(
        standard ? stdin : std::fopen(file.c_str(), "re"), standard ? &leave_open : &std::fclose);
    const auto failed = [&] {
        return command.failure(std::error_code(errno, std::generic_category()), where);
    };
    if (!opened) return failed();
    std::vector<proto::Uri> uris;
    std::string line;
    for (std::size_t number = 1; read_line(opened.get(), line); ++number) {
        if (line.find_first_not_of(" \t\r") == line.npos || line.starts_with('#')) continue;
        std::string complaint;
        auto uri = proto::Uri::parse(line, complaint);
        if (!uri)
            return command.failure(Errc::usage,
                                   where + ", line " + std::to_string(number) + ": " + complaint);
        uris.push_back(*std::move(uri));
    }
    if (std::ferror(opened.get())) return failed();
    return uris;
}

}  // namespace kp2p
