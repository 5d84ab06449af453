// What differs between systems in how files are kept. platform_linux.cpp and platform_portable.cpp
// have the same meaning; only one of them is built.
#pragma once

#include <sys/stat.h>

#include <cstdint>

namespace kp2p::platform {

struct Pair {  // of descriptors
    int from, to;
};
// Makes `to` a copy of `from` that shares its blocks; false where the file system cannot.
bool clone(Pair files);
// Gives the file `size_bytes` of disk space, as far as that can be done ahead; else only the size.
// 0, or -1 and errno.
int reserve(int fd, std::uint64_t size_bytes);
// Content and size, and what else it takes to read them back, are on the disk. 0, or -1 and errno.
int flush(int fd);
// All that was written to the file system that `fd` is on is on the disk. 0, or -1 and errno:
// ENOSYS where there is no such thing.
int flush_file_system(int fd);
std::int64_t modified_ns(const struct stat& status);

}  // namespace kp2p::platform
