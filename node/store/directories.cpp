#include "node/store/directories.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "node/store/disk/disk.hpp"

namespace kp2p {
namespace fs = std::filesystem;

namespace {

// Others than its owner may write to it: several users share what is in it.
bool is_shared(mode_t mode) { return mode & (S_IWGRP | S_IWOTH); }

Result<void> make_as_above(const fs::path& directory) {
    constexpr mode_t all = 0777, inherited = all | S_ISGID | S_ISVTX;
    struct stat above;
    if (disk().status(directory_of(directory), above) != 0) return last_error();
    if (disk().make_directory(directory, above.st_mode & all) == 0) {
        if (is_shared(above.st_mode)) (void)disk().set_rights(directory, above.st_mode & inherited);
        return ok;
    }
    if (errno != EEXIST) return last_error();
    return ok;
}

// It lies in the storage; is it in what is not kachery's too?
bool is_ours(const Layout& layout, const fs::path& directory) {
    const fs::path below = directory.lexically_relative(layout.ours());
    return !below.empty() && *below.begin() != "..";
}

}  // namespace

fs::path directory_of(const fs::path& path) {
    const fs::path above = path.parent_path();
    return above.empty() ? fs::path(".") : above;
}

Result<void> make_directories(const Layout& layout, const fs::path& directory) {
    if (directory == layout.root()) return ok;
    const fs::path above = directory.parent_path();
    if (auto made = make_directories(layout, above); !made) return made.error();
    struct stat status;
    if (disk().link_status(directory, status) != 0) {
        if (errno != ENOENT) return last_error();
        if (above == layout.root() && !layout.is_still_there())
            return make_error_code(std::errc::no_such_file_or_directory);
        if (auto made = make_as_above(directory); !made) return made.error();
        if (disk().link_status(directory, status) != 0) return last_error();
    }
    if (is_ours(layout, directory) && !S_ISDIR(status.st_mode))
        return make_error_code(std::errc::not_a_directory);
    return ok;
}

Result<void> make_private_directory(const fs::path& directory) {
    const auto make = [&](mode_t mode) -> Result<void> {
        if (disk().make_directory(directory, mode) != 0) return last_error();
        auto flushed = flush_directory(directory_of(directory));
        if (!flushed)
            disk().remove_directory(directory);  // so that the next attempt flushes it again
        return flushed;
    };
    constexpr mode_t private_mode = 0700;
    auto made = make(private_mode);
    if (!made && made.error() == std::errc::file_exists) return ok;
    if (made || made.error() != std::errc::no_such_file_or_directory ||
        !directory.has_relative_path())
        return made;
    if (auto above = make_private_directory(directory.parent_path()); !above) return above.error();
    return make(private_mode);
}

unsigned rights_in(const fs::path& directory, const File* source) {
    constexpr mode_t owner = 0600, group = 0060, others = 0006, widest = 0664;
    struct stat status;
    if (disk().status(directory, status) != 0) return owner;
    mode_t rights = owner | (status.st_mode & widest);
    if (!source) return rights;
    const mode_t readers = source->rights(status.st_mode & S_ISGID ? status.st_gid : getegid());
    if (!(readers & S_IROTH)) rights &= ~others;
    if (!(readers & S_IRGRP) && !(status.st_mode & S_IWGRP)) rights &= ~group;
    return rights;
}

Result<File> open_shared(const fs::path& path, File::Mode mode, const File* source) {
    if (mode == File::Mode::read || mode == File::Mode::change) return File::open(path, mode);
    const unsigned rights = rights_in(directory_of(path), source);
    auto file = File::open(path, mode, rights);
    struct stat above;
    if (file && disk().status(directory_of(path), above) == 0 && is_shared(above.st_mode))
        file->set_rights(rights);
    return file;
}

Result<void> flush_directory(const fs::path& directory) {
    auto file = File::open(directory, File::Mode::read);
    if (!file) return file.error();
    auto flushed = file->flush_names();
    // Some network file systems refuse to flush a directory because they need not.
    if (!flushed && flushed.error() != std::errc::invalid_argument) return flushed;
    return ok;
}

Result<void> flush_directories(const Layout& layout, fs::path directory) {
    for (;; directory = directory.parent_path()) {
        if (auto done = flush_directory(directory); !done) return done.error();
        if (directory == layout.root() || !directory.has_relative_path()) break;
    }
    auto above = flush_directory(directory_of(layout.root()));
    if (!above && above.error() != std::errc::permission_denied) return above;
    return ok;
}

Result<void> rename_durably(Renaming names) {
    const bool anew = disk().rename_new(names.from, names.to) == 0;
    if (!anew && errno != EEXIST) return last_error();
    if (!anew && disk().rename(names.from, names.to) != 0) return last_error();
    auto flushed = flush_directory(directory_of(names.to));
    if (!flushed && anew) (void)disk().rename(names.to, names.from);
    return flushed;
}

}  // namespace kp2p
