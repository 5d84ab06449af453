#include "cmd/dest/directory_destination.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "node/store/directories.hpp"
#include "node/store/put/hash_file.hpp"
#include "node/store/temp_file.hpp"

namespace kp2p {
namespace fs = std::filesystem;
namespace {

// "out/" and "out/." name the directory "out".
fs::path without_trailing_slash(fs::path path) {
    while (path.has_parent_path() && path.has_relative_path() &&
           (!path.has_filename() || path.filename() == "."))
        path = path.parent_path();
    return path;
}

Result<void> make_new_directory(const fs::path& path) {
    if (::mkdir(path.c_str(), 0777) != 0) return last_error();
    return ok;
}

Result<void> flush_each(const fs::path& directory) {
    std::error_code error;
    fs::recursive_directory_iterator each(directory, error);
    for (; !error && each != fs::recursive_directory_iterator(); each.increment(error)) {
        if (!each->is_regular_file()) continue;
        auto file = File::open(each->path(), File::Mode::read);
        if (!file) return file.error();
        if (auto done = file->flush(); !done) return done.error();
    }
    if (error) return error;
    return ok;
}

// Whether a file has these bytes.
Result<bool> has(const fs::path& path, const proto::Sha1Dir::File& wanted,
                 const std::stop_token& stop) {
    auto file = File::open(path, File::Mode::read);
    if (!file) return file.error();
    auto stamp = file->stamp();
    if (!stamp || stamp->size_bytes != wanted.size_bytes) return false;
    auto hashed = hash_file(*file, nullptr, ManifestWish::none, stop);
    if (!hashed) return hashed.error();
    return hashed->sha1 == wanted.sha1;
}

Result<bool> same(const fs::path& path, const proto::Sha1Dir& wanted, const std::stop_token& stop) {
    std::size_t entries = 0;
    std::error_code error;
    fs::directory_iterator each(path, error);
    for (; !error && each != fs::directory_iterator(); each.increment(error)) {
        ++entries;
        const std::string name = each->path().filename().native();
        const fs::file_type type = each->symlink_status().type();
        Result<bool> equal = false;
        if (const auto file = wanted.files.find(name);
            file != wanted.files.end() && type == fs::file_type::regular)
            equal = has(each->path(), file->second, stop);
        if (const auto dir = wanted.dirs.find(name);
            dir != wanted.dirs.end() && type == fs::file_type::directory)
            equal = same(each->path(), dir->second, stop);
        if (!equal || !*equal) return equal;
    }
    if (error) return error;
    return entries == wanted.files.size() + wanted.dirs.size();
}

}  // namespace

Result<DirectoryDestination> DirectoryDestination::find(const fs::path& named) {
    fs::path to = without_trailing_slash(named);
    std::error_code error, missing;
    if (fs::is_symlink(to, missing)) to = fs::canonical(to, error);
    if (error) return error;
    const fs::file_status status = fs::status(to, error);
    if (error == std::errc::not_a_directory) return error;
    if (status.type() == fs::file_type::not_found) {
        if (::access(directory_of(to).c_str(), W_OK | X_OK) != 0) return last_error();
        return DirectoryDestination(std::move(to));
    }
    if (error) return error;
    if (status.type() != fs::file_type::directory) return make_error_code(std::errc::file_exists);
    return DirectoryDestination(std::move(to));
}

DirectoryDestination::DirectoryDestination(DirectoryDestination&& other) noexcept
    : to_(std::move(other.to_)),
      temp_(std::exchange(other.temp_, {})),
      lock_(std::move(other.lock_)) {}

DirectoryDestination::~DirectoryDestination() {
    std::error_code ignored;
    if (!temp_.empty()) fs::remove_all(temp_, ignored);
}

bool DirectoryDestination::is_taken() const {
    std::error_code error;
    return fs::exists(to_, error) && !fs::is_empty(to_, error);
}

Result<bool> DirectoryDestination::holds(const proto::Sha1Dir& directory,
                                         const std::stop_token& stop) const {
    return same(to_, directory, stop);
}

Result<void> DirectoryDestination::begin() {
    TempFile::sweep(directory_of(to_));
    for (;;) {  // a sweep may come before the lock
        temp_ = directory_of(to_) / TempFile::new_name();
        if (auto made = make_new_directory(temp_); !made) {
            temp_.clear();
            return made.error();
        }
        auto lock = File::open(temp_, File::Mode::read);
        if (!lock && lock.error() == std::errc::no_such_file_or_directory) continue;
        if (!lock) return lock.error();
        lock_ = *std::move(lock);
        if (lock_.try_lock() != File::Lock::busy && lock_.is_at(temp_)) return ok;
    }
}

Result<void> DirectoryDestination::finish() {
    auto flushed = lock_.flush_file_system();
    if (!flushed && flushed.error() == std::errc::function_not_supported)
        flushed = flush_each(temp_);
    if (!flushed) return flushed.error();
    std::error_code error;
    const fs::file_status there = fs::status(to_, error);
    if (fs::exists(there)) fs::permissions(temp_, there.permissions(), error);
    if (auto done = rename_durably({.from = temp_, .to = to_}); !done) return done.error();
    temp_.clear();
    return ok;
}

}  // namespace kp2p
