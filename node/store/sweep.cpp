#include "node/store/sweep.hpp"

#include <unistd.h>

#include <set>
#include <string>

#include "node/store/file.hpp"

namespace kp2p {
namespace fs = std::filesystem;

namespace {

constexpr std::string_view data_suffix = ".data", journal_suffix = ".journal";

// HASH.N of each download, from either of its two files.
std::set<std::string> partial_names(const fs::path& directory) {
    std::set<std::string> names;
    std::error_code error;
    for (fs::directory_iterator each(directory, error), end; !error && each != end;
         each.increment(error)) {
        const std::string name = each->path().filename().native();
        for (const std::string_view suffix : {data_suffix, journal_suffix})
            if (name.ends_with(suffix)) names.insert(name.substr(0, name.size() - suffix.size()));
    }
    return names;
}

}  // namespace

void sweep_storage(const Layout& layout, const std::function<bool(const Sha1&)>& is_stored) {
    TempFile::sweep(layout.contents());
    TempFile::sweep(layout.links());
    for (const std::string& name : partial_names(layout.partials())) {
        const auto file = Sha1::from_hex(std::string_view(name).substr(0, 2 * Sha1::size_bytes));
        if (!file) continue;
        const fs::path data_path = layout.partials() / (name + std::string(data_suffix));
        const fs::path journal_path = layout.partials() / (name + std::string(journal_suffix));
        std::error_code ignored;
        const bool whole = fs::exists(data_path, ignored) && fs::exists(journal_path, ignored);
        if (whole && !is_stored(*file)) continue;
        // Made if it is missing: its lock is what makes the two ours.
        auto journal = File::open(journal_path, File::Mode::update);
        if (!journal || journal->try_lock() != File::Lock::held || !journal->is_at(journal_path))
            continue;
        unlink(data_path.c_str());
        unlink(journal_path.c_str());
    }
}

}  // namespace kp2p
