#include "proto/file/sha1dir.hpp"

#include <simdjson.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "proto/file/links.hpp"
#include "proto/file/uri.hpp"
#include "proto/json.hpp"
#include "proto/utf8.hpp"

namespace kp2p::proto {
namespace {

using simdjson::dom::element;
using simdjson::dom::object;

std::optional<Sha1Dir::File> parse_file(const element& from) {
    Sha1Dir::File file;
    std::string_view hex;
    if (from["size"].get(file.size_bytes) || from["sha1"].get(hex)) return std::nullopt;
    const auto sha1 = Sha1::from_hex(hex);
    if (!sha1 || file.size_bytes > max_file_bytes) return std::nullopt;
    file.sha1 = *sha1;
    return file;
}

class ListingReader {
  public:
    explicit ListingReader(Sha1Dir::LeftOut& left_out) : left_out_(left_out) {}

    // Nothing if `from` is no directory.
    std::optional<Sha1Dir> read(const element& from) {
        object files, dirs;
        const bool shaped = !from["files"].get(files) && !from["dirs"].get(dirs);
        if (!shaped || depth_ == max_sha1dir_depth) return std::nullopt;
        ++depth_;
        Sha1Dir dir;
        for (const auto& [name, value] : files) {
            const auto file = parse_file(value);
            if (!file || !is_entry_name(name) || !dir.files.emplace(name, *file).second)
                leave_out(name);
        }
        for (const auto& [name, value] : dirs)
            if (!add(dir, name, value)) leave_out(name);
        --depth_;
        return dir;
    }

  private:
    bool add(Sha1Dir& dir, std::string_view name, const element& from) {
        if (!is_entry_name(name) || dir.files.contains(name) || dir.dirs.contains(name))
            return false;
        const std::size_t above = path_.size();
        path_.append(name).append("/");
        auto child = read(from);
        path_.resize(above);
        if (child) dir.dirs.emplace(name, std::move(*child));
        return child.has_value();
    }
    void leave_out(std::string_view name) {
        if (left_out_.count++ < Sha1Dir::LeftOut::max_paths)
            left_out_.paths.push_back(path_ + std::string(name));
    }

    Sha1Dir::LeftOut& left_out_;
    std::string path_;  // of the directory being read, and a slash
    std::size_t depth_ = 0;
};

int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

// The unit of a \uXXXX at `at`, if there is one.
std::optional<char16_t> unit_at(std::string_view json, std::size_t at) {
    if (json.size() - std::min(at, json.size()) < 6 || json[at] != '\\' || json[at + 1] != 'u')
        return std::nullopt;
    int unit = 0;
    for (std::size_t i = at + 2; i < at + 6; ++i) {
        const int digit = hex_digit(json[i]);
        if (digit < 0) return std::nullopt;
        unit = unit << 4 | digit;
    }
    return static_cast<char16_t>(unit);
}

// simdjson refuses a document with a lone surrogate anywhere in it. One in a name becomes \u0000
// here, which no entry may have in its name either.
std::string without_lone_surrogates(std::string_view json) {
    std::string text(json);
    for (std::size_t at = text.find('\\'); at != text.npos; at = text.find('\\', at)) {
        const auto unit = unit_at(text, at);
        if (!unit) {
            at += 2;  // another escape: what it escapes is not looked at
            continue;
        }
        const auto next = unit_at(text, at + 6);
        const bool high = *unit >= 0xd800 && *unit < 0xdc00,
                   low = *unit >= 0xdc00 && *unit < 0xe000;
        const bool pair = high && next && *next >= 0xdc00 && *next < 0xe000;
        if ((high && !pair) || low) text.replace(at + 2, 4, "0000");
        at += pair ? 12 : 6;
    }
    return text;
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

Result<Sha1Dir> Sha1Dir::parse(std::string_view json, LeftOut& left_out) {
    // Each level of the tree is two of the JSON; the rest is what a file or something odd may have.
    constexpr std::size_t json_depth = 2 * max_sha1dir_depth + 64;
    if (json.size() > max_sha1dir_bytes) return Errc::too_long;
    const std::string text = without_lone_surrogates(json);
    simdjson::dom::parser parser;
    element root;
    if (parser.allocate(text.size(), json_depth) || parser.parse(text).get(root))
        return Errc::bad_text;
    auto dir = ListingReader(left_out).read(root);
    if (!dir) return Errc::bad_text;
    return *std::move(dir);
}

Result<Sha1Dir> Sha1Dir::parse(std::string_view json) {
    LeftOut ignored;
    return parse(json, ignored);
}

std::string Sha1Dir::LeftOut::text() const {
    if (count == 0) return {};
    std::string sentence = "left out of the directory, as nothing can be read of ";
    sentence += count == 1 ? "this entry:" : "these " + std::to_string(count) + " entries:";
    const char* before = " ";
    for (const std::string& path : paths) sentence += std::exchange(before, ", ") + path;
    if (count > paths.size()) sentence += ", ...";
    // Strangers chose these names.
    const auto hidden = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
    std::replace_if(sentence.begin(), sentence.end(), hidden, '?');
    return sentence;
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

Sha1Dir::Found Sha1Dir::find(const Uri& uri) const {
    const Found found = find(uri.path);
    return found.file || found.dir ? found : find(uri.bare_path());
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
