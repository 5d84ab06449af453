#include "node/store/directories.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "node/store/disk/disk.hpp"

namespace kp2p {
namespace fs = std::filesystem;

namespace {

// Others than its owner may write to it: several users share what is in it.
bool is_shared(mode_t mode) { return mode & (S_IWGRP | S_IWOTH); }

constexpr mode_t all_rights = 0777, inherited_rights = all_rights | S_ISGID | S_ISVTX;

// It lies in the storage; is it in what is not kachery's too?
bool is_ours(const Layout& layout, const fs::path& directory) {
    const std::string ours = layout.ours().native();
    const std::string& name = directory.native();
    return name.starts_with(ours) && (name.size() == ours.size() || name[ours.size()] == '/');
}

constexpr mode_t owner_rights = 0600, widest_rights = 0664;

bool is_to_give(const struct stat& above) { return above.st_uid != 0 && ::geteuid() == 0; }

void give_directory(const fs::path& made, const struct stat& above) {
    if (!is_to_give(above)) return;
    const int fd = disk().open(made, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
    if (fd < 0) return;
    (void)disk().set_owner(fd, above.st_uid, above.st_gid);
    disk().close(fd);
}

}  // namespace

fs::path directory_of(const fs::path& path) {
    const fs::path above = path.parent_path();
    return above.empty() ? fs::path(".") : above;
}

Result<void> make_directories(const Layout& layout, const fs::path& directory) {
    return DirectoryMaker(layout).make(directory);
}

Result<void> DirectoryMaker::make(const fs::path& directory) {
    if (directory == layout_.root() || known_.contains(directory.native())) return ok;
    const fs::path above = directory.parent_path();
    // Only what is shared with kachery may lead elsewhere.
    if (above == layout_.root() || is_ours(layout_, directory)) {
        if (auto made = make(above); !made) return made;
        return make_checked(directory);
    }
    if (auto made = make(above); !made) return made;
    return make_as_above(directory);
}

Result<void> DirectoryMaker::make_checked(const fs::path& directory) {
    struct stat status;
    if (disk().link_status(directory, status) != 0) {
        if (errno != ENOENT) return last_error();
        if (directory.parent_path() == layout_.root())
            if (auto there = check_storage(layout_); !there) return there;
        if (auto made = make_as_above(directory); !made) return made;
        if (known_[directory.native()]) return ok;  // just made
        if (disk().link_status(directory, status) != 0) return last_error();
    }
    if (is_ours(layout_, directory) && !S_ISDIR(status.st_mode))
        return make_error_code(std::errc::not_a_directory);
    if (S_ISDIR(status.st_mode)) known_[directory.native()] = status;
    return ok;
}

Result<void> DirectoryMaker::make_as_above(const fs::path& directory) {
    auto above = kind_of(directory.parent_path());
    if (!above) return above.error();
    const mode_t mode = above->st_mode;
    const bool made = disk().make_directory(directory, mode & all_rights) == 0;
    if (!made && errno != EEXIST) return last_error();
    if (made) give_directory(directory, *above);
    if (made && is_shared(mode)) (void)disk().set_rights(directory, mode & inherited_rights);
    if (known_.size() >= max_known) known_.clear();
    std::optional<struct stat>& kind = known_[directory.native()];
    if (made) kind = *above;  // what the umask takes from it, it takes from those below as well
    return ok;
}

Result<struct stat> DirectoryMaker::kind_of(const fs::path& directory) {
    const auto found = known_.find(directory.native());
    if (found != known_.end() && found->second) return *found->second;
    struct stat status;
    if (disk().status(directory, status) != 0) return last_error();
    if (known_.size() >= max_known) known_.clear();
    known_[directory.native()] = status;
    return status;
}

Result<File> DirectoryMaker::open(const fs::path& path, File::Mode mode, const File* source) {
    if (source) return open_shared(path, mode, source);
    auto above = kind_of(directory_of(path));
    if (!above) return above.error();
    const unsigned rights = owner_rights | (above->st_mode & widest_rights);
    auto file = File::open(path, mode, rights);
    if (file && is_to_give(*above)) file->give_to(above->st_uid, above->st_gid);
    if (file && is_shared(above->st_mode)) file->set_rights(rights);
    return file;
}

Result<void> check_storage(const Layout& layout) {
    struct stat status;
    if (disk().status(layout.root(), status) != 0)
        return storage_error(last_error(), layout.root());
    if (!S_ISDIR(status.st_mode))
        return storage_error(make_error_code(std::errc::not_a_directory), layout.root());
    if (layout.is_still_there()) return ok;
    for (const fs::path& part : {layout.contents(), layout.ours()})
        if (disk().link_status(part, status) == 0) return ok;  // it was mounted anew
    note_storage_trouble(layout.root().string() +
                         ": it is empty, and not the directory that it was; mount that again, or "
                         "start the daemon anew to use this one");
    return Errc::storage_unavailable;
}

Result<void> make_directory_durably(const fs::path& directory) {
    if (disk().make_directory(directory, S_IRWXU) != 0) return last_error();
    struct stat above;
    if (disk().status(directory_of(directory), above) == 0) give_directory(directory, above);
    auto flushed = flush_directory(directory_of(directory));
    if (!flushed) disk().remove_directory(directory);  // so that the next attempt flushes it again
    return flushed;
}

unsigned rights_in(const fs::path& directory, const File* source) {
    constexpr mode_t group = 0060, others = 0006;
    struct stat status;
    if (disk().status(directory, status) != 0) return owner_rights;
    mode_t rights = owner_rights | (status.st_mode & widest_rights);
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
    if (!file || disk().status(directory_of(path), above) != 0) return file;
    if (is_to_give(above)) file->give_to(above.st_uid, above.st_gid);
    if (is_shared(above.st_mode)) file->set_rights(rights);
    return file;
}

void give_to_owner_of(const fs::path& directory, const File& made) {
    struct stat above;
    if (disk().status(directory, above) == 0 && is_to_give(above))
        made.give_to(above.st_uid, above.st_gid);
}

Result<void> flush_directory(const fs::path& directory) {
    if (!disk().flushes()) return ok;
    auto file = File::open(directory, File::Mode::read);
    // Where one may put files and not look, nobody can.
    if (!file && file.error() == std::errc::permission_denied) return ok;
    if (!file) return file.error();
    auto flushed = file->flush_names();
    // Some file systems do not flush directories, and have many words for that.
    constexpr std::array unflushable = {
        std::errc::invalid_argument,        std::errc::bad_file_descriptor,
        std::errc::is_a_directory,          std::errc::not_supported,
        std::errc::operation_not_supported, std::errc::function_not_supported};
    const auto means = [&](std::errc code) { return flushed.error() == code; };
    if (!flushed && !std::ranges::any_of(unflushable, means)) return flushed;
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
