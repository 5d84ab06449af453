#include "node/store/temp_file.hpp"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>

#include "node/store/directories.hpp"
#include "node/store/platform.hpp"

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

// Of a directory: or of anything in it.
fs::file_time_type last_touched(const fs::path& path) {
    std::error_code ignored;
    auto newest = fs::last_write_time(path, ignored);
    if (fs::symlink_status(path, ignored).type() != fs::file_type::directory) return newest;
    fs::recursive_directory_iterator each(path, ignored);
    for (; !ignored && each != fs::recursive_directory_iterator(); each.increment(ignored)) {
        std::error_code gone;
        const auto time = each->last_write_time(gone);
        if (!gone) newest = std::max(newest, time);
    }
    return newest;
}

bool was_long_left_alone(const fs::path& path) {
    return fs::file_time_type::clock::now() - last_touched(path) > long_alone;
}

// Locking it a second time does not work while it is locked.
bool is_seen_locked(const fs::path& path, File::Mode mode) {
    auto again = File::open(path, mode);
    return again && again->try_lock() == File::Lock::busy;
}

}  // namespace

std::optional<File> take_abandoned(const fs::path& path) {
    std::error_code ignored;
    const fs::file_type type = fs::symlink_status(path, ignored).type();
    if (type != fs::file_type::regular && type != fs::file_type::directory) return std::nullopt;
    // Some network file systems lock only what is open for writing.
    const auto mode = type == fs::file_type::directory ? File::Mode::read : File::Mode::change;
    auto file = File::open(path, mode);
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

TempFile::TempFile(TempFile&& other) noexcept
    : path_(std::exchange(other.path_, {})), file_(std::move(other.file_)) {}

TempFile::~TempFile() {
    if (!path_.empty()) unlink(path_.c_str());
}

Result<void> TempFile::publish(const fs::path& final_path, Durability durability) {
    if (durability == Durability::flush) {
        if (auto done = file_.flush(); !done) return done.error();
        if (auto done = rename_durably({.from = path_, .to = final_path}); !done)
            return done.error();
    } else if (std::rename(path_.c_str(), final_path.c_str()) != 0) {
        return last_error();
    }
    path_.clear();
    return ok;
}

void TempFile::sweep(const fs::path& directory) {
    std::error_code error;
    for (fs::directory_iterator each(directory, error), end; !error && each != end;
         each.increment(error)) {
        if (!tag_of(each->path().filename().native())) continue;
        std::error_code ignored;
        if (const auto file = take_abandoned(each->path())) fs::remove_all(each->path(), ignored);
    }
}

}  // namespace kp2p
