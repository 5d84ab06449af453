// What differs between systems in how files are kept. platform_linux.cpp and platform_portable.cpp
// have the same meaning; only one of them is built.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <string>

namespace kp2p::platform {

struct Pair {  // of descriptors
    int from, to;
};
// Makes `to` a copy of `from` that shares its blocks; false where the file system cannot.
bool clone(Pair files);
struct Extent {
    std::uint64_t offset, size;
};
// Copies it to the same place of another file without a way through this process's memory; false,
// and some of it may be copied, where that cannot be, or it ends before.
bool copy(Pair files, Extent extent);
// Where the first hole from there on begins, and be it the one at the end; `offset` where that is
// not told. Some file systems look at every page up to there to find out.
std::uint64_t next_hole(int fd, std::uint64_t offset);
// Makes the bytes zeros that take no room, and leaves the file's size; false where the file system
// cannot.
bool make_hole(int fd, Extent extent);
// Content and size, and what else it takes to read them back, are on the disk. 0, or -1 and errno.
int flush(int fd);
// All that was written to the file system of the directory `fd` is on the disk. 0, or -1 and errno,
// also if some of it could not be written since `fd` was opened: ENOSYS where that is not told.
int flush_file_system(int fd);
// Starts to write the file's changed pages, after which a mapping's next change shows in its times.
void begin_flush(int fd);
// A new name for a file, unless there is one by that name: 0, or -1 and errno, EEXIST then.
int rename_new(const char* from, const char* to);
std::int64_t modified_ns(const struct stat& status);
std::int64_t changed_ns(const struct stat& status);
// 8 hex digits that no other machine has, nor this one before it was last started; empty if
// unknown.
std::string boot_tag();

}  // namespace kp2p::platform
