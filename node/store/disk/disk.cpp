#include "node/store/disk/disk.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>

namespace kp2p {
namespace {

class UnflushedDisk final : public Disk {
  public:
    bool flushes() const override { return false; }
    int flush(int) override { return 0; }
    int flush_names(int) override { return 0; }
    int flush_file_system(int) override { return 0; }
    void flush_ahead(int) override {}
};

Disk machines;
UnflushedDisk unflushed;
Disk* used = &machines;

}  // namespace

Disk& disk() { return *used; }
void stop_flushing() { used = &unflushed; }

DiskInstead::DiskInstead(Disk& other) : before_(used) { used = &other; }
DiskInstead::~DiskInstead() { used = before_; }

int Disk::open(const Path& path, int flags, unsigned rights) {
    const auto open_it = [&] { return ::open(path.c_str(), flags, rights); };
    flags |= O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
    int fd = open_it();
    if (fd < 0 && errno == EWOULDBLOCK) {  // a lease is about to be given up
        flags &= ~O_NONBLOCK;
        fd = open_it();
    }
    const bool to_read = (flags & O_ACCMODE) == O_RDONLY;
    if (fd < 0 || !to_read || fcntl(fd, F_SETFL, 0) == 0) return fd;
    const int error = errno;
    ::close(fd);
    errno = error;
    return -1;
}

int Disk::close(int fd) { return ::close(fd); }

ssize_t Disk::read(int fd, std::span<std::uint8_t> into, std::uint64_t offset) {
    return ::pread(fd, into.data(), into.size(), static_cast<off_t>(offset));
}

ssize_t Disk::write(int fd, ByteView bytes, std::uint64_t offset) {
    return ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
}

ssize_t Disk::write(int fd, ByteViews bytes, std::uint64_t offset) {
    std::array<iovec, 16> places;
    const std::size_t count = std::min(bytes.size(), places.size());
    for (std::size_t i = 0; i < count; ++i)
        places[i] = {const_cast<std::uint8_t*>(bytes[i].data()), bytes[i].size()};
    const auto at = static_cast<off_t>(offset);
    const ssize_t size = ::pwritev(fd, places.data(), static_cast<int>(count), at);
    if (size >= 0 || (errno != ENOSYS && errno != EPERM)) return size;
    return write(fd, bytes.front(), offset);  // a filter of system calls does not know it
}

int Disk::resize(int fd, std::uint64_t size_bytes) {
    return ::ftruncate(fd, static_cast<off_t>(size_bytes));
}

int Disk::status(int fd, struct stat& into) { return ::fstat(fd, &into); }
int Disk::room(int fd, struct statvfs& into) { return ::fstatvfs(fd, &into); }
int Disk::lock(int fd) { return ::flock(fd, LOCK_EX | LOCK_NB); }
int Disk::set_rights(int fd, unsigned rights) { return ::fchmod(fd, rights); }
int Disk::set_owner(int fd, uid_t user, gid_t group) { return ::fchown(fd, user, group); }
int Disk::flush(int fd) { return platform::flush(fd); }
int Disk::flush_names(int fd) { return ::fsync(fd); }
int Disk::flush_file_system(int fd) { return platform::flush_file_system(fd); }
void Disk::begin_flush(int fd) { platform::begin_flush(fd); }
bool Disk::clone(platform::Pair files) { return platform::clone(files); }
bool Disk::copy(platform::Pair files, platform::Extent extent) {
    return platform::copy(files, extent);
}
std::uint64_t Disk::next_hole(int fd, std::uint64_t offset) {
    return platform::next_hole(fd, offset);
}
bool Disk::make_hole(int fd, platform::Extent extent) { return platform::make_hole(fd, extent); }

int Disk::status(const Path& path, struct stat& into) { return ::stat(path.c_str(), &into); }
int Disk::link_status(const Path& path, struct stat& into) { return ::lstat(path.c_str(), &into); }
int Disk::check_writable(const Path& path) { return ::access(path.c_str(), W_OK); }
int Disk::make_directory(const Path& path, unsigned rights) {
    return ::mkdir(path.c_str(), rights);
}
int Disk::remove_directory(const Path& path) { return ::rmdir(path.c_str()); }
int Disk::set_rights(const Path& path, unsigned rights) { return ::chmod(path.c_str(), rights); }
int Disk::unlink(const Path& path) { return ::unlink(path.c_str()); }
int Disk::rename(const Path& from, const Path& to) { return std::rename(from.c_str(), to.c_str()); }
int Disk::rename_new(const Path& from, const Path& to) {
    return platform::rename_new(from.c_str(), to.c_str());
}
int Disk::link(const Path& path, const Path& name) { return ::link(path.c_str(), name.c_str()); }
int Disk::symbolic_link(const Path& target, const Path& name) {
    return ::symlink(target.c_str(), name.c_str());
}

Disk::Path Disk::link_target(const Path& path) {
    std::error_code none;
    return std::filesystem::read_symlink(path, none);
}

void Disk::remove_all(const Path& path) {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
}

std::vector<std::string> Disk::names(const Path& directory, std::error_code& error) {
    std::vector<std::string> names;
    for (std::filesystem::directory_iterator each(directory, error), end; !error && each != end;
         each.increment(error))
        names.push_back(each->path().filename().native());
    return names;
}

std::chrono::system_clock::time_point Disk::now() { return std::chrono::system_clock::now(); }

}  // namespace kp2p
