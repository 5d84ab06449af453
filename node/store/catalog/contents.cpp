#include "node/store/catalog/contents.hpp"

#include <algorithm>
#include <cerrno>

#include "node/store/directories.hpp"
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

std::optional<ContentFacts> link_facts(const fs::path& path, Unread* unread) {
    const auto json = read_small_file(path, largest_link_file_bytes);
    struct stat status;
    if (disk().link_status(path, status) != 0) return std::nullopt;
    if (!json && unread) unread->note(path, json.error());
    if (!json) return std::nullopt;
    const auto link = LinkFile::parse(as_text(*json));
    return ContentFacts{link ? link->size_bytes : 0, 0, status.st_mtime, true, !link};
}

std::optional<ContentFacts> content_facts(const fs::path& path) {
    struct stat status;
    if (disk().status(path, status) == 0 && S_ISREG(status.st_mode))
        return ContentFacts{static_cast<std::uint64_t>(status.st_size), disk_bytes_of(status),
                            status.st_mtime};
    if (disk().link_status(path, status) != 0) return std::nullopt;
    return ContentFacts{.modified_s = status.st_mtime, .odd = true};
}

std::optional<ContentFacts> if_even(std::optional<ContentFacts> facts) {
    return facts && !facts->odd ? facts : std::nullopt;
}

void each_in(const fs::path& directory, const TellContent& tell, Unread* unread) {
    std::vector<Sha1> linked, told;
    for (const std::string& name : names_in(directory, unread)) {
        if (const auto sha1 = Sha1::from_hex(name)) {
            const auto facts = content_facts(directory / name);
            if (!facts) continue;
            tell(*sha1, *facts);
            if (!facts->odd) told.push_back(*sha1);
        } else if (name.ends_with(link_suffix)) {
            const auto stem = std::string_view(name).substr(0, name.size() - link_suffix.size());
            if (const auto sha1_of_link = Sha1::from_hex(stem)) linked.push_back(*sha1_of_link);
        }
    }
    for (const Sha1& sha1 : linked) {
        if (std::ranges::find(told, sha1) != told.end()) continue;
        const auto facts = link_facts(directory / (sha1.hex() + std::string(link_suffix)), unread);
        if (facts) tell(sha1, *facts);
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

void each_content(const Layout& layout, const std::stop_token& stop, const TellContent& tell,
                  Unread* unread) {
    const fs::path top = layout.contents();
    for (const std::string& a : names_in(top, unread)) {
        if (!is_hex_pair(a)) continue;
        for (const std::string& b : names_in(top / a, unread)) {
            if (!is_hex_pair(b)) continue;
            if (stop.stop_requested()) return;
            for (const std::string& c : names_in(top / a / b, unread))
                if (is_hex_pair(c)) each_in(top / a / b / c, tell, unread);
        }
    }
}

std::optional<ContentFacts> facts_of(const Layout& layout, const Sha1& sha1) {
    auto facts = if_even(content_facts(layout.content(sha1)));
    return facts ? facts : if_even(link_facts(layout.link(sha1), nullptr));
}

bool is_absence(int number) { return number == ENOENT || number == ENOTDIR; }

bool is_there(const Layout& layout, const Sha1& sha1) {
    struct stat status;
    return disk().link_status(layout.content(sha1), status) == 0 ||
           disk().link_status(layout.link(sha1), status) == 0;
}

Result<void> look_for(const Layout& layout, const Sha1& sha1) {
    if (is_there(layout, sha1)) return ok;
    if (!is_absence(errno)) return storage_error(last_error(), layout.content(sha1));
    if (auto can_tell = check_storage(layout); !can_tell) return can_tell;
    return Errc::not_found;
}

Contents contents_of(const Layout& layout, const std::stop_token& stop, Unread* unread) {
    Contents contents;
    const auto add = [&](const Sha1& sha1, const ContentFacts& facts) {
        ContentFacts& known = contents.try_emplace(sha1, facts).first->second;
        if (known.odd) known = facts;  // a link beside it
    };
    each_content(layout, stop, add, unread);
    return contents;
}

Contents contents_of(const Layout& layout, const std::set<Sha1>& these, Unread* unread) {
    Contents contents;
    for (const Sha1& sha1 : these) {
        auto facts = content_facts(layout.content(sha1));
        if (!facts && unread && !is_absence(errno))
            unread->note(layout.content(sha1), last_error());
        if (!facts || facts->odd)
            if (const auto linked = link_facts(layout.link(sha1), unread)) facts = linked;
        if (facts) contents.emplace(sha1, *facts);
    }
    return contents;
}

std::uint64_t used_bytes(const Layout& layout, const Sha1& except) {
    std::uint64_t bytes = 0;
    each_content(layout, {},
                 [&](const Sha1&, const ContentFacts& facts) { bytes += facts.disk_bytes; });
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

void each_file(const proto::Sha1Dir& directory, const TellFile& tell, const std::string& above) {
    for (const auto& [name, file] : directory.files) tell(above + name, file);
    for (const auto& [name, child] : directory.dirs) each_file(child, tell, above + name + '/');
}

}  // namespace kp2p
