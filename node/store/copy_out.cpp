// How files and directories leave the storage: beside their destination first, then into place, so
// that nobody ever sees half of one.
#include "node/store/directories.hpp"
#include "node/store/store.hpp"
#include "node/store/temp_file.hpp"

namespace kp2p {
namespace fs = std::filesystem;

namespace {

Result<void> make_new_directory(const fs::path& path) {
    std::error_code error;
    if (fs::create_directory(path, error)) return ok;
    if (!error) error = make_error_code(std::errc::file_exists);
    return error;
}

// A directory under construction: gone with this object, unless it was renamed into place; locked,
// as sweep() wants it.
class TempDirectory {
  public:
    static Result<TempDirectory> create_in(const fs::path& parent) {
        for (;;) {  // a sweep may come before the lock
            TempDirectory temp(parent / TempFile::new_name());
            if (auto made = make_new_directory(temp.path_); !made) return made.error();
            auto lock = File::open(temp.path_, File::Mode::read);
            if (!lock && lock.error() == std::errc::no_such_file_or_directory) continue;
            if (!lock) return lock.error();
            temp.lock_ = *std::move(lock);
            if (temp.lock_.try_lock() != File::Lock::busy && temp.lock_.is_at(temp.path_))
                return temp;
        }
    }
    TempDirectory(TempDirectory&& other) noexcept
        : path_(std::exchange(other.path_, {})), lock_(std::move(other.lock_)) {}
    TempDirectory& operator=(TempDirectory&&) = delete;
    ~TempDirectory() {
        std::error_code ignored;
        if (!path_.empty()) fs::remove_all(path_, ignored);
    }
    const fs::path& path() const { return path_; }
    // All that was written to its file system since it was made.
    Result<void> flush_file_system() const { return lock_.flush_file_system(); }
    // Over an empty directory at most.
    Result<void> publish(const fs::path& to) {
        if (auto done = rename_durably({.from = path_, .to = to}); !done) return done.error();
        path_.clear();
        return ok;
    }

  private:
    explicit TempDirectory(fs::path path) : path_(std::move(path)) {}
    fs::path path_;  // empty: nothing to remove
    File lock_;
};

class CopyOut {
  public:
    CopyOut(const Store& store, const std::stop_token& stop) : store_(store), stop_(stop) {}

    // Makes `to` the content of `sha1`, not yet flushed. A linked file may have changed under its
    // stamp, so it is hashed again.
    Result<void> write(const Sha1& sha1, const File& to) const {
        const auto stored = store_.find(sha1);
        if (!stored) return stored.error();
        auto source = File::open(stored->path, File::Mode::read);
        if (!source) return storage_error(source.error(), stored->path);
        if (stored->trust == WholeChunks::Trust::ours) return to.copy_from(*source, stop_);
        const fs::path where = "the copy";
        const Copy copy{to, where};
        auto copied = ingest(*source, &copy, ManifestWish::none, stop_);
        if (!copied) return copied.error();
        if (copied->sha1 != sha1) return Errc::not_found;
        return ok;
    }

    // `to` is new and known to nobody else, and every name was checked when the listing was parsed,
    // so nothing can be written elsewhere.
    Result<void> fill(const proto::Sha1Dir& dir, const fs::path& to) const {
        for (const auto& [name, file] : dir.files) {
            auto copy = File::open(to / name, File::Mode::create);
            if (!copy) return copy.error();
            if (stop_.stop_requested()) return Errc::canceled;
            if (auto done = write(file.sha1, *copy); !done) return done.error();
        }
        for (const auto& [name, child] : dir.dirs) {
            if (auto made = make_new_directory(to / name); !made) return made.error();
            if (auto done = fill(child, to / name); !done) return done.error();
        }
        return ok;
    }

  private:
    const Store& store_;
    const std::stop_token& stop_;
};

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

fs::path parent_of(const fs::path& path) {
    const fs::path parent = path.parent_path();
    return parent.empty() ? fs::path(".") : parent;
}

// "out/" and "out/." name the directory "out".
fs::path without_trailing_slash(fs::path path) {
    while (path.has_parent_path() && path.has_relative_path() &&
           (!path.has_filename() || path.filename() == "."))
        path = path.parent_path();
    return path;
}

}  // namespace

Result<void> Store::copy_out(const Sha1& sha1, const fs::path& to,
                             const std::stop_token& stop) const {
    if (const auto found = find(sha1); !found) return found.error();
    std::error_code ignored;
    if (fs::is_directory(to, ignored)) return make_error_code(std::errc::is_a_directory);
    TempFile::sweep(parent_of(to));
    auto temp = TempFile::create_in(parent_of(to));
    if (!temp) return temp.error();
    if (auto done = CopyOut(*this, stop).write(sha1, temp->file()); !done) return done.error();
    if (auto flushed = temp->file().flush(); !flushed) return flushed.error();
    if (stop.stop_requested()) return Errc::canceled;  // flushing may have taken long
    return temp->publish(to, TempFile::Durability::flush);
}

Result<void> Store::copy_out(const proto::Sha1Dir& dir, const fs::path& named,
                             const std::stop_token& stop) const {
    const fs::path to = without_trailing_slash(named);
    std::error_code ignored;
    if (fs::exists(fs::symlink_status(to, ignored)) && !fs::is_empty(to, ignored))
        return make_error_code(std::errc::file_exists);
    TempFile::sweep(parent_of(to));
    auto temp = TempDirectory::create_in(parent_of(to));
    if (!temp) return temp.error();
    if (auto done = CopyOut(*this, stop).fill(dir, temp->path()); !done) return done.error();
    auto flushed = temp->flush_file_system();
    if (!flushed && flushed.error() == std::errc::function_not_supported)
        flushed = flush_each(temp->path());
    if (!flushed) return flushed.error();
    if (stop.stop_requested()) return Errc::canceled;
    return temp->publish(to);
}

}  // namespace kp2p
