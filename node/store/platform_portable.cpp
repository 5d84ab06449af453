#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>

#include "node/store/platform.hpp"

namespace kp2p::platform {

bool clone(Pair) { return false; }

int reserve(int fd, std::uint64_t size_bytes) {
    struct statvfs space;
    if (fstatvfs(fd, &space) == 0 &&
        size_bytes / space.f_frsize > static_cast<std::uint64_t>(space.f_bavail)) {
        errno = ENOSPC;
        return -1;
    }
    return ftruncate(fd, static_cast<off_t>(size_bytes));
}

int flush(int fd) {
#ifdef F_FULLFSYNC
    if (fcntl(fd, F_FULLFSYNC) == 0) return 0;
#endif
    return fsync(fd);
}

int flush_file_system(int) {
    errno = ENOSYS;
    return -1;
}

std::int64_t modified_ns(const struct stat& status) {
#ifdef __APPLE__
    const timespec& at = status.st_mtimespec;
#else
    const timespec& at = status.st_mtim;
#endif
    return std::int64_t{at.tv_sec} * 1'000'000'000 + at.tv_nsec;
}

}  // namespace kp2p::platform
