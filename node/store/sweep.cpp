#include "node/store/sweep.hpp"

#include <algorithm>
#include <chrono>
#include <set>
#include <string>
#include <vector>

#include "node/store/directories.hpp"
#include "node/store/temp_file.hpp"

namespace kp2p {
namespace fs = std::filesystem;

namespace {

constexpr std::chrono::hours partial_lifetime{7 * 24};
constexpr std::string_view data_suffix = ".data", journal_suffix = ".journal";

bool is_real_directory(const fs::path& path) {  // and no link to one
    struct stat status;
    return disk().link_status(path, status) == 0 && S_ISDIR(status.st_mode);
}

bool is_there(const fs::path& path) {
    struct stat status;
    return disk().status(path, status) == 0;
}

struct LeftOver {  // a download, from either of its two files
    Sha1 file;
    fs::path data_path, journal_path;

    bool is_whole() const { return is_there(data_path) && is_there(journal_path); }
    std::chrono::nanoseconds age() const {  // of what was written last
        auto age = std::chrono::nanoseconds::max();
        for (const fs::path& path : {data_path, journal_path}) {
            struct stat status;
            if (disk().status(path, status) == 0) age = std::min(age, age_of(status));
        }
        return age;
    }
    bool is_forgotten() const { return age() > partial_lifetime; }
    // Unless a living process has it.
    bool remove() const {
        // Made if it is missing: its lock is what makes the two ours.
        if (!is_there(journal_path)) (void)open_shared(journal_path, File::Mode::create);
        const auto lock = take_abandoned(journal_path);
        if (!lock) return false;
        disk().unlink(data_path);
        disk().unlink(journal_path);
        return true;
    }
};

std::vector<LeftOver> left_overs(const Layout& layout) {
    std::vector<LeftOver> all;
    std::set<std::string> names;  // HASH.N
    const fs::path directory = layout.partials();
    if (!is_real_directory(layout.ours()) || !is_real_directory(directory)) return all;
    for (const std::string& name : disk().names(directory)) {
        for (const std::string_view suffix : {data_suffix, journal_suffix})
            if (name.ends_with(suffix)) names.insert(name.substr(0, name.size() - suffix.size()));
    }
    for (const std::string& name : names) {
        const auto file = Sha1::from_hex(std::string_view(name).substr(0, 2 * Sha1::size_bytes));
        if (file)
            all.push_back({*file, directory / (name + std::string(data_suffix)),
                           directory / (name + std::string(journal_suffix))});
    }
    return all;
}

}  // namespace

void sweep_storage(const Layout& layout, const std::function<bool(const Sha1&)>& is_stored) {
    if (is_real_directory(layout.contents())) TempFile::sweep(layout.contents());
    for (const fs::path& directory : {layout.links(), layout.records(), layout.pins()})
        if (is_real_directory(layout.ours()) && is_real_directory(directory))
            TempFile::sweep(directory);
    for (const LeftOver& each : left_overs(layout))
        if (!each.is_whole() || each.is_forgotten() || is_stored(each.file)) (void)each.remove();
}

PartialUsage partial_usage(const Layout& layout) {
    PartialUsage usage;
    for (const LeftOver& each : left_overs(layout)) {
        struct stat status;
        if (disk().link_status(each.data_path, status) != 0) continue;
        ++usage.files;
        usage.bytes += disk_bytes_of(status);
    }
    return usage;
}

bool make_room(const Layout& layout) {
    std::vector<std::pair<std::chrono::nanoseconds, LeftOver>> oldest;
    for (LeftOver& each : left_overs(layout)) {
        const auto age = each.age();
        oldest.emplace_back(age, std::move(each));
    }
    std::ranges::sort(oldest, std::greater(), [](const auto& each) { return each.first; });
    return std::ranges::any_of(oldest, [](const auto& each) { return each.second.remove(); });
}

}  // namespace kp2p
