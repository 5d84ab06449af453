#include "cmd/dest/file_destination.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "node/store/directories.hpp"
#include "proto/number.hpp"

namespace kp2p {
namespace fs = std::filesystem;
namespace {

// N of "-", /dev/stdout, /dev/fd/N and the like.
std::optional<int> descriptor_named(std::string_view name) {
    if (name == "-" || name == "/dev/stdout") return STDOUT_FILENO;
    if (name == "/dev/stderr") return STDERR_FILENO;
    for (const std::string_view folder : {"/dev/fd/", "/proc/self/fd/"}) {
        if (!name.starts_with(folder)) continue;
        const auto number = parse_number<int>(name.substr(folder.size()));
        if (number && *number >= 0) return number;
    }
    return std::nullopt;
}

std::shared_ptr<const int> owned(int fd) {
    return {new int(fd), [](const int* held) {
                ::close(*held);
                delete held;
            }};
}

}  // namespace

fs::perms common_rights() {
    const mode_t mask = ::umask(0);  // there is no other way to read it
    ::umask(mask);
    return static_cast<fs::perms>(0666 & ~mask);
}

Result<FileDestination> FileDestination::find(const fs::path& named, std::stop_token stop) {
    FileDestination to(std::move(stop));
    to.named_descriptor_ = descriptor_named(named.native());
    if (to.named_descriptor_) {  // now, while none of our own is open that could be meant
        const int fd = ::fcntl(*to.named_descriptor_, F_DUPFD_CLOEXEC, 3);
        if (fd < 0) return last_error();
        to.through_ = owned(fd);
        return to;
    }
    to.path_ = named;
    struct stat status, link;
    const bool is_link = ::lstat(named.c_str(), &link) == 0 && S_ISLNK(link.st_mode);
    if (::stat(named.c_str(), &status) != 0) {
        if (errno != ENOENT || is_link) return last_error();
        if (::access(directory_of(named).c_str(), W_OK | X_OK) != 0) return last_error();
        return to;
    }
    if (S_ISDIR(status.st_mode)) return make_error_code(std::errc::is_a_directory);
    if (!S_ISREG(status.st_mode)) {
        to.special_ = true;
        return to;
    }
    to.rights_ = static_cast<fs::perms>(status.st_mode & 0777);
    if (!is_link) return to;
    std::error_code error;
    to.path_ = fs::canonical(named, error);
    if (error) return error;
    return to;
}

bool FileDestination::is_stdout() const { return named_descriptor_ == STDOUT_FILENO; }

void FileDestination::sweep() const {
    if (!through_ && !special_) TempFile::sweep(directory_of(path_));
}

Result<void> FileDestination::begin() {
    if (through_) return ok;
    if (special_) {
        const int fd = ::open(path_.c_str(), O_WRONLY | O_CLOEXEC | O_NOCTTY);
        if (fd < 0) return stop_.stop_requested() ? Result<void>(Errc::canceled) : last_error();
        through_ = owned(fd);
        return ok;
    }
    auto temp = TempFile::create_in(directory_of(path_), File::Mode::create_secret);
    if (!temp) return temp.error();
    temp_.emplace(*std::move(temp));
    return ok;
}

bool FileDestination::may_wait() const {
    struct stat status;
    if (special_ || !through_) return special_;
    return ::fstat(*through_, &status) != 0 || !S_ISREG(status.st_mode);
}

Result<bool> FileDestination::take(const StoredCopy& stored, const std::function<void()>& moved) {
    if (through_) return false;
    auto copied = copy_stored(stored, temp_->file(), stop_, moved);
    taken_ = copied && *copied;
    return copied;
}

Result<void> FileDestination::write(ByteView bytes) {
    if (stop_.stop_requested()) return Errc::canceled;
    return through_ ? write_through(bytes) : sparse_.write(temp_->file(), bytes);
}

Result<void> FileDestination::write_through(ByteView bytes) const {
    pollfd one{*through_, POLLOUT, 0};
    while (!bytes.empty()) {
        const ssize_t n = ::write(*through_, bytes.data(), bytes.size());
        if (n >= 0)
            bytes = bytes.subspan(static_cast<std::size_t>(n));
        else if (stop_.stop_requested())
            return Errc::canceled;
        else if (errno == EAGAIN)  // another has made it one that does not wait
            (void)::poll(&one, 1, 250);
        else if (errno != EINTR)
            return last_error();
    }
    return ok;
}

Result<void> FileDestination::finish() {
    if (through_) {  // what can be no more on a disk than it is has no such call
        if (::fsync(*through_) == 0 || errno == EINVAL || errno == EROFS || errno == ENOTSUP)
            return ok;
        return last_error();
    }
    if (!taken_)
        if (auto done = sparse_.finish(temp_->file()); !done) return done.error();
    temp_->file().set_rights(static_cast<unsigned>(rights_));  // some file systems have their own
    return temp_->publish(path_, TempFile::Durability::flush);
}

}  // namespace kp2p
