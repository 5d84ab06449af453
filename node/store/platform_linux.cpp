#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>

#include "node/store/platform.hpp"

namespace kp2p::platform {

bool clone(Pair files) { return ioctl(files.to, FICLONE, files.from) == 0; }

int reserve(int fd, std::uint64_t size_bytes) {
    const auto size = static_cast<off_t>(size_bytes);
    if (size == 0 || fallocate(fd, 0, 0, size) == 0) return ftruncate(fd, size);
    if (errno == EOPNOTSUPP || errno == ENOSYS) return ftruncate(fd, size);
    return -1;
}

int flush(int fd) { return fdatasync(fd); }

int flush_file_system(int fd) { return syncfs(fd); }

std::int64_t modified_ns(const struct stat& status) {
    return std::int64_t{status.st_mtim.tv_sec} * 1'000'000'000 + status.st_mtim.tv_nsec;
}

}  // namespace kp2p::platform
