#include "node/store/catalog/contents.hpp"

#include <algorithm>

#include "node/store/file.hpp"
#include "node/store/link_file.hpp"
#include "proto/file/manifest.hpp"

namespace kp2p {
namespace fs = std::filesystem;

namespace {

constexpr std::size_t largest_link_file_bytes = 64 * 1024;
constexpr std::string_view link_suffix = ".link";

bool is_hex_pair(std::string_view name) {
    return name.size() == 2 && name.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

void add_link(const fs::path& path, const Sha1& sha1, Contents& contents) {
    const auto json = read_small_file(path, largest_link_file_bytes);
    if (!json || contents.contains(sha1)) return;
    const auto link = LinkFile::parse(as_text(*json));
    struct stat status;
    if (!link || disk().link_status(path, status) != 0) return;
    contents[sha1] = {link->size_bytes, 0, status.st_mtime, true};
}

void add_content(const fs::path& path, const Sha1& sha1, Contents& contents) {
    struct stat status;
    if (disk().status(path, status) != 0 || !S_ISREG(status.st_mode)) return;
    contents[sha1] = {static_cast<std::uint64_t>(status.st_size), disk_bytes_of(status),
                      status.st_mtime, false};
}

void add_directory(const fs::path& directory, Contents& contents, Unread* unread) {
    for (const std::string& name : names_in(directory, unread)) {
        if (const auto sha1 = Sha1::from_hex(name)) {
            add_content(directory / name, *sha1, contents);
        } else if (name.ends_with(link_suffix)) {
            const auto stem = std::string_view(name).substr(0, name.size() - link_suffix.size());
            if (const auto linked = Sha1::from_hex(stem))
                add_link(directory / name, *linked, contents);
        }
    }
}

// Of the files in a directory of ours that `is_counted` by their names.
template <class Counted>
std::uint64_t bytes_in(const fs::path& directory, Counted is_counted) {
    std::uint64_t bytes = 0;
    for (const std::string& name : disk().names(directory)) {
        struct stat status;
        if (!is_counted(name) || disk().link_status(directory / name, status) != 0) continue;
        bytes += std::max(disk_bytes_of(status), static_cast<std::uint64_t>(status.st_size));
    }
    return bytes;
}

}  // namespace

Contents contents_of(const Layout& layout, const std::stop_token& stop, Unread* unread) {
    Contents contents;
    const fs::path top = layout.contents();
    for (const std::string& a : names_in(top, unread)) {
        if (!is_hex_pair(a)) continue;
        for (const std::string& b : names_in(top / a, unread)) {
            if (!is_hex_pair(b)) continue;
            if (stop.stop_requested()) return contents;
            for (const std::string& c : names_in(top / a / b, unread))
                if (is_hex_pair(c)) add_directory(top / a / b / c, contents, unread);
        }
    }
    return contents;
}

std::uint64_t used_bytes(const Layout& layout, const Sha1& except) {
    std::uint64_t bytes = 0;
    for (const auto& [sha1, facts] : contents_of(layout)) bytes += facts.disk_bytes;
    const std::string own = except.hex();
    const auto all = [](const std::string&) { return true; };
    const auto others = [&own](const std::string& name) { return !name.starts_with(own); };
    return bytes + bytes_in(layout.partials(), others) + bytes_in(layout.damaged(), all);
}

std::optional<proto::Sha1Dir> listing_of(const Layout& layout, const Sha1& sha1) {
    const auto json = read_small_file(layout.content(sha1), proto::max_sha1dir_bytes);
    if (!json) return std::nullopt;
    auto directory = proto::Sha1Dir::parse(as_text(*json));
    if (!directory) return std::nullopt;
    return *std::move(directory);
}

std::vector<Sha1> piece_lists_of(const Layout& layout, const Sha1& manifest) {
    const auto json = read_small_file(layout.content(manifest), proto::max_manifest_bytes);
    if (!json) return {};
    auto parsed = proto::Manifest::parse(as_text(*json));
    if (!parsed) return {};
    return std::move(parsed->piece_lists);
}

void each_file(const proto::Sha1Dir& directory,
               const std::function<void(const proto::Sha1Dir::File&)>& tell) {
    for (const auto& [name, file] : directory.files) tell(file);
    for (const auto& [name, child] : directory.dirs) each_file(child, tell);
}

}  // namespace kp2p
