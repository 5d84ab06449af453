#include "node/store/sweep.hpp"

#include <sys/stat.h>
#include <unistd.h>

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
    std::error_code ignored;
    return fs::symlink_status(path, ignored).type() == fs::file_type::directory;
}

struct LeftOver {  // a download, from either of its two files
    Sha1 file;
    fs::path data_path, journal_path;

    bool is_whole() const {
        std::error_code ignored;
        return fs::exists(data_path, ignored) && fs::exists(journal_path, ignored);
    }
    fs::file_time_type last_written() const {
        std::error_code ignored;
        return std::max(fs::last_write_time(data_path, ignored),
                        fs::last_write_time(journal_path, ignored));
    }
    bool is_forgotten() const {
        return fs::file_time_type::clock::now() - last_written() > partial_lifetime;
    }
    // Unless a living process has it.
    bool remove() const {
        // Made if it is missing: its lock is what makes the two ours.
        std::error_code ignored;
        if (!fs::exists(journal_path, ignored)) (void)open_shared(journal_path, File::Mode::create);
        const auto lock = take_abandoned(journal_path);
        if (!lock) return false;
        unlink(data_path.c_str());
        unlink(journal_path.c_str());
        return true;
    }
};

std::vector<LeftOver> left_overs(const Layout& layout) {
    std::vector<LeftOver> all;
    std::set<std::string> names;  // HASH.N
    const fs::path directory = layout.partials();
    if (!is_real_directory(layout.ours()) || !is_real_directory(directory)) return all;
    std::error_code error;
    for (fs::directory_iterator each(directory, error), end; !error && each != end;
         each.increment(error)) {
        const std::string name = each->path().filename().native();
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
    if (is_real_directory(layout.ours()) && is_real_directory(layout.links()))
        TempFile::sweep(layout.links());
    for (const LeftOver& each : left_overs(layout))
        if (!each.is_whole() || each.is_forgotten() || is_stored(each.file)) (void)each.remove();
}

PartialUsage partial_usage(const Layout& layout) {
    constexpr std::uint64_t block_bytes = 512;  // of st_blocks, everywhere
    PartialUsage usage;
    for (const LeftOver& each : left_overs(layout)) {
        struct stat status;
        if (lstat(each.data_path.c_str(), &status) != 0) continue;
        ++usage.files;
        usage.bytes += static_cast<std::uint64_t>(status.st_blocks) * block_bytes;
    }
    return usage;
}

bool make_room(const Layout& layout) {
    std::vector<std::pair<fs::file_time_type, LeftOver>> oldest;
    for (LeftOver& each : left_overs(layout)) {
        const auto time = each.last_written();
        oldest.emplace_back(time, std::move(each));
    }
    std::ranges::sort(oldest, {}, [](const auto& each) { return each.first; });
    return std::ranges::any_of(oldest, [](const auto& each) { return each.second.remove(); });
}

}  // namespace kp2p
