#include "node/store/temp_file.hpp"

#include <chrono>
#include <vector>

#include "node/store/directories.hpp"
#include "node/store/disk/disk.hpp"

namespace kp2p {
namespace fs = std::filesystem;

namespace {

constexpr std::chrono::hours long_alone{24};
constexpr std::size_t name_digits = 16, tag_digits = 8;  // as new_name() makes them

const std::string& our_tag() {
    static const std::string tag = platform::boot_tag();
    return tag;
}

bool is_hex(std::string_view text) {
    return text.find_first_not_of("0123456789abcdef") == text.npos;
}

// The tag, which may be empty, of a name of ours. The whole name counts, for a sweep may be in a
// directory of the user's.
std::optional<std::string_view> tag_of(std::string_view name) {
    if (!name.ends_with(TempFile::suffix)) return std::nullopt;
    name.remove_suffix(TempFile::suffix.size());
    const std::string_view random = name.substr(0, name_digits);
    if (random.size() != name_digits || !is_hex(random)) return std::nullopt;
    name.remove_prefix(name_digits);
    if (name.empty()) return name;
    const std::string_view tag = name.substr(1);
    if (name[0] != '.' || tag.size() != tag_digits || !is_hex(tag)) return std::nullopt;
    return tag;
}

// Neither it nor, in a directory, anything there.
bool was_long_left_alone(const fs::path& path) {
    std::vector<fs::path> rest{path};
    while (!rest.empty()) {
        const fs::path one = std::move(rest.back());
        rest.pop_back();
        struct stat status;
        if (disk().link_status(one, status) != 0) continue;
        if (age_of(status) <= long_alone) return false;
        if (!S_ISDIR(status.st_mode)) continue;
        for (const std::string& name : disk().names(one)) rest.push_back(one / name);
    }
    return true;
}

// Locking it a second time does not work while it is locked.
bool is_seen_locked(const fs::path& path, File::Mode mode) {
    auto again = File::open(path, mode);
    return again && again->try_lock() == File::Lock::busy;
}

}  // namespace

std::optional<File> take_abandoned(const fs::path& path) {
    struct stat status;
    if (disk().link_status(path, status) != 0) return std::nullopt;
    const bool directory = S_ISDIR(status.st_mode);
    if (!directory && !S_ISREG(status.st_mode)) return std::nullopt;
    // Some network file systems lock only what is open for writing.
    auto mode = directory ? File::Mode::read : File::Mode::change;
    auto file = File::open(path, mode);
    if (!file && file.error() == std::errc::permission_denied) {  // it was about to get its name
        mode = File::Mode::read;
        file = File::open(path, mode);
    }
    if (!file) return std::nullopt;
    const File::Lock lock = file->try_lock();
    if (lock == File::Lock::busy || !file->is_at(path)) return std::nullopt;
    const std::string name = path.filename().native();
    const auto tag = tag_of(name);
    const bool local = !tag || tag->empty() || *tag == our_tag();
    const bool decided = local && lock == File::Lock::held && is_seen_locked(path, mode);
    if (!decided && !was_long_left_alone(path)) return std::nullopt;
    return *std::move(file);
}

std::string TempFile::new_name() {
    std::string name = unique_name();
    if (!our_tag().empty()) name += "." + our_tag();
    return name += suffix;
}

template <class Open>
Result<TempFile> TempFile::create(const fs::path& directory, Open open) {
    for (;;) {
        fs::path path = directory / new_name();
        auto file = open(path);
        if (!file) return file.error();
        TempFile temp(std::move(path), std::move(*file));
        // A sweep may come between creating and locking it, and take it for a dead writer's.
        if (temp.file_.try_lock() != File::Lock::busy && temp.file_.is_at(temp.path_)) return temp;
    }
}

Result<TempFile> TempFile::create_in(const fs::path& directory, File::Mode mode) {
    return create(directory, [&](const fs::path& path) { return File::open(path, mode); });
}

Result<TempFile> TempFile::create_shared_in(const fs::path& directory, const File* source) {
    return create(directory, [&](const fs::path& path) {
        return open_shared(path, File::Mode::create, source);
    });
}

Result<TempFile> TempFile::create_shared_in(const fs::path& directory, DirectoryMaker& maker) {
    return create(directory,
                  [&](const fs::path& path) { return maker.open(path, File::Mode::create); });
}

TempFile::TempFile(TempFile&& other) noexcept
    : path_(std::exchange(other.path_, {})), file_(std::move(other.file_)) {}

TempFile::~TempFile() {
    if (!path_.empty()) disk().unlink(path_);
}

Result<void> TempFile::publish(const fs::path& final_path, Durability durability) {
    if (durability == Durability::flush) {
        if (auto done = file_.flush(); !done) return done.error();
        if (auto done = rename_durably({.from = path_, .to = final_path}); !done)
            return done.error();
    } else if (disk().rename(path_, final_path) != 0) {
        return last_error();
    }
    path_.clear();
    return ok;
}

Result<TempFolder> TempFolder::create_in(const fs::path& directory, DirectoryMaker& maker) {
    for (;;) {  // a sweep may come before the lock
        TempFolder folder(directory / TempFile::new_name());
        if (auto made = maker.make(folder.path_); !made) return made.error();
        auto lock = File::open(folder.path_, File::Mode::read);
        if (!lock && lock.error() == std::errc::no_such_file_or_directory) continue;
        if (!lock) return lock.error();
        folder.lock_ = *std::move(lock);
        if (folder.lock_.try_lock() != File::Lock::busy && folder.lock_.is_at(folder.path_))
            return folder;
    }
}

TempFolder::TempFolder(TempFolder&& other) noexcept
    : path_(std::exchange(other.path_, {})),
      lock_(std::move(other.lock_)),
      created_(other.created_) {}

TempFolder::~TempFolder() {
    if (!path_.empty()) disk().remove_directory(path_);
}

Result<TempFile> TempFolder::create(DirectoryMaker& maker, const File* source) {
    fs::path path = path_ / std::to_string(created_++);
    auto file = maker.open(path, File::Mode::create, source);
    if (!file) return file.error();
    return TempFile(std::move(path), *std::move(file));
}

void TempFile::sweep(const fs::path& directory) {
    for (const std::string& name : disk().names(directory)) {
        if (!tag_of(name)) continue;
        const fs::path path = directory / name;
        if (const auto file = take_abandoned(path)) disk().remove_all(path);
    }
}

}  // namespace kp2p
