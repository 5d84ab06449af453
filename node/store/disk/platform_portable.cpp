#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "node/store/disk/platform.hpp"

namespace kp2p::platform {

bool clone(Pair) { return false; }

bool copy(Pair, Extent) { return false; }

std::uint64_t next_hole(int, std::uint64_t offset) { return offset; }

bool make_hole([[maybe_unused]] int fd, [[maybe_unused]] Extent extent) {
#ifdef SEEK_DATA
    const auto offset = static_cast<off_t>(extent.offset), size = static_cast<off_t>(extent.size);
    const off_t data = lseek(fd, offset, SEEK_DATA);
    return data < 0 ? errno == ENXIO : data >= offset + size;
#else
    return false;
#endif
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

void begin_flush(int) {}

int rename_new(const char* from, const char* to) {
    struct stat there;
    if (lstat(to, &there) != 0) return std::rename(from, to);
    errno = EEXIST;
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

std::int64_t changed_ns(const struct stat& status) {
#ifdef __APPLE__
    const timespec& at = status.st_ctimespec;
#else
    const timespec& at = status.st_ctim;
#endif
    return std::int64_t{at.tv_sec} * 1'000'000'000 + at.tv_nsec;
}

std::string boot_tag() { return ""; }

}  // namespace kp2p::platform
