#include "proto/file/sha1dir.hpp"

#include <simdjson.h>

#include <algorithm>

#include "proto/file/links.hpp"
#include "proto/json.hpp"
#include "proto/utf8.hpp"

namespace kp2p::proto {
namespace {

using simdjson::dom::element;
using simdjson::dom::object;

Result<Sha1Dir::File> parse_file(const element& from) {
    Sha1Dir::File file;
    std::string_view hex;
    if (from["size"].get(file.size_bytes) || from["sha1"].get(hex)) return Errc::bad_text;
    if (file.size_bytes > max_file_bytes) return Errc::bad_value;
    auto sha1 = Sha1::from_hex(hex);
    if (!sha1) return sha1.error();
    file.sha1 = *sha1;
    return file;
}

Result<Sha1Dir> parse_dir(const element& from, int depth_left) {
    if (depth_left == 0) return Errc::too_long;
    object files, dirs;
    if (from["files"].get(files) || from["dirs"].get(dirs)) return Errc::bad_text;
    Sha1Dir dir;
    for (const auto& [name, value] : files) {
        auto file = parse_file(value);
        if (!file) return file.error();
        if (!is_entry_name(name)) return Errc::bad_value;
        if (!dir.files.emplace(name, *file).second) return Errc::bad_value;
    }
    for (const auto& [name, value] : dirs) {
        auto child = parse_dir(value, depth_left - 1);
        if (!child) return child.error();
        if (!is_entry_name(name) || dir.files.contains(name)) return Errc::bad_value;
        if (!dir.dirs.emplace(name, std::move(*child)).second) return Errc::bad_value;
    }
    return dir;
}

void write(JsonWriter& json, const Sha1Dir& dir) {
    json.begin_object().key("files").begin_object();
    for (const auto& [name, file] : dir.files) {
        json.key(name).begin_object();
        json.field("size", file.size_bytes).field("sha1", file.sha1.hex()).end_object();
    }
    json.end_object().key("dirs").begin_object();
    for (const auto& [name, child] : dir.dirs) {
        json.key(name);
        write(json, child);
    }
    json.end_object().end_object();
}

}  // namespace

bool is_entry_name(std::string_view name) {
    constexpr std::size_t max_bytes = 255;  // NAME_MAX of the usual file systems
    constexpr std::string_view forbidden("/\0", 2);
    return !name.empty() && name.size() <= max_bytes && name != "." && name != ".." &&
           name.find_first_of(forbidden) == name.npos && is_utf8(name);
}

Result<Sha1Dir> Sha1Dir::parse(std::string_view json) {
    if (json.size() > max_sha1dir_bytes) return Errc::too_long;
    simdjson::dom::parser parser;
    element root;
    if (parser.parse(json.data(), json.size()).get(root)) return Errc::bad_text;
    return parse_dir(root, max_sha1dir_depth);
}

std::string Sha1Dir::text() const {
    JsonWriter json(JsonWriter::Style::python);
    write(json, *this);
    return json.take();
}

Sha1Dir::Found Sha1Dir::find(std::string_view path) const {
    const Sha1Dir* dir = this;
    while (!path.empty()) {
        const std::size_t slash = path.find('/');
        const std::string_view name = path.substr(0, slash);
        path.remove_prefix(slash == path.npos ? path.size() : slash + 1);
        if (auto file = dir->files.find(name); file != dir->files.end() && slash == path.npos)
            return {&file->second, nullptr};
        auto child = dir->dirs.find(name);
        if (child == dir->dirs.end()) return {};
        dir = &child->second;
    }
    return {nullptr, dir};
}

std::vector<DirEntry> Sha1Dir::entries() const {
    std::vector<DirEntry> entries;
    for (const auto& [name, file] : files)
        entries.push_back({DirEntry::Kind::file, name, file.size_bytes, file.sha1});
    for (const auto& [name, child] : dirs)
        entries.push_back({DirEntry::Kind::directory, name, 0, Sha1()});
    std::sort(entries.begin(), entries.end(),
              [](const DirEntry& a, const DirEntry& b) { return a.name < b.name; });
    return entries;
}

}  // namespace kp2p::proto
