#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <fstream>
#include <utility>

#include "node/store/disk/platform.hpp"

namespace kp2p::platform {
namespace {

// Before Linux 5.8 syncfs() returned 0 whatever became of the data.
bool syncfs_tells() {
    utsname system;
    int major = 0, minor = 0;
    if (uname(&system) != 0 || std::sscanf(system.release, "%d.%d", &major, &minor) != 2)
        return false;
    return std::pair(major, minor) >= std::pair(5, 8);
}

// A system call that the file system, or a filter of system calls, does not have.
bool is_unsupported(int error) {
    return error == ENOSYS || error == EINVAL || error == EOPNOTSUPP || error == EPERM;
}

}  // namespace

bool clone(Pair files) { return ioctl(files.to, FICLONE, files.from) == 0; }

bool copy(Pair files, Extent extent) {
    auto at = static_cast<off_t>(extent.offset);
    const off_t end = at + static_cast<off_t>(extent.size);
    for (off_t to = at; at < end;) {
        const auto left = static_cast<std::size_t>(end - at);
        const ssize_t n = copy_file_range(files.from, &at, files.to, &to, left, 0);
        if (n == 0 || (n < 0 && errno != EINTR)) return false;
    }
    return true;
}

std::uint64_t next_hole(int fd, std::uint64_t offset) {
    const off_t hole = lseek(fd, static_cast<off_t>(offset), SEEK_HOLE);
    return hole < 0 ? offset : static_cast<std::uint64_t>(hole);
}

bool make_hole(int fd, Extent extent) {
    const auto offset = static_cast<off_t>(extent.offset), size = static_cast<off_t>(extent.size);
    const off_t data = lseek(fd, offset, SEEK_DATA);
    if (data < 0 ? errno == ENXIO : data >= offset + size) return true;
    return fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, size) == 0;
}

int flush(int fd) { return fdatasync(fd); }

int flush_file_system(int fd) {
    static const bool tells = syncfs_tells();
    if (tells && syncfs(fd) == 0) return 0;
    if (!tells || is_unsupported(errno)) errno = ENOSYS;
    return -1;
}

void begin_flush(int fd) { (void)sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE); }

int rename_new(const char* from, const char* to) {
    if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0) return 0;
    if (!is_unsupported(errno)) return -1;
    struct stat there;  // an old file system: as near as it gets
    if (lstat(to, &there) != 0) return std::rename(from, to);
    errno = EEXIST;
    return -1;
}

std::int64_t modified_ns(const struct stat& status) {
    return std::int64_t{status.st_mtim.tv_sec} * 1'000'000'000 + status.st_mtim.tv_nsec;
}

std::int64_t changed_ns(const struct stat& status) {
    return std::int64_t{status.st_ctim.tv_sec} * 1'000'000'000 + status.st_ctim.tv_nsec;
}

std::string boot_tag() {
    constexpr std::size_t digits = 8;
    std::string id;
    std::ifstream("/proc/sys/kernel/random/boot_id") >> id;
    return id.find_first_not_of("0123456789abcdef") == digits ? id.substr(0, digits) : "";
}

}  // namespace kp2p::platform
