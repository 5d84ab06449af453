// Disk: the system's calls by which files are kept, as POSIX has them: -1 and errno for a failure,
// which includes EINTR. Everything in node/store that reads or changes the storage comes through
// here, so that a test can put a disk of its own in its place (test/sim/disk.hpp). What lies
// elsewhere and is listed to be stored is not the storage's (put_directory.cpp).
#pragma once

#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

#include "node/store/disk/platform.hpp"
#include "proto/bytes.hpp"

namespace kp2p {

// The machine's own. From any thread.
class Disk {
  public:
    using Path = std::filesystem::path;

    Disk() = default;
    Disk(const Disk&) = delete;
    Disk& operator=(const Disk&) = delete;
    virtual ~Disk() = default;

    // `flags` as open(2) has them. Never waits, not for a FIFO's other end either; what is opened
    // to be read alone is waited for afterwards.
    virtual int open(const Path& path, int flags, unsigned rights);
    virtual int close(int fd);
    virtual ssize_t read(int fd, std::span<std::uint8_t> into, std::uint64_t offset);
    virtual ssize_t write(int fd, ByteView bytes, std::uint64_t offset);
    // At most 16 places.
    virtual ssize_t write(int fd, ByteViews bytes, std::uint64_t offset);
    virtual int resize(int fd, std::uint64_t size_bytes);
    virtual int status(int fd, struct stat& into);
    virtual int room(int fd, struct statvfs& into);
    virtual int lock(int fd);  // exclusive, or EWOULDBLOCK
    virtual int set_rights(int fd, unsigned rights);
    virtual int set_owner(int fd, uid_t user, gid_t group);
    virtual bool flushes() const { return true; }  // the following do something
    virtual int flush(int fd);                     // content and size
    virtual int flush_names(int fd);               // of a directory
    virtual int flush_file_system(int fd);
    virtual void begin_flush(int fd);
    virtual void flush_ahead(int fd) { begin_flush(fd); }  // so that flush() finds less to do
    virtual bool clone(platform::Pair files);
    virtual bool copy(platform::Pair files, platform::Extent extent);
    virtual std::uint64_t next_hole(int fd, std::uint64_t offset);
    virtual bool make_hole(int fd, platform::Extent extent);

    virtual int status(const Path& path, struct stat& into);       // of what a link leads to
    virtual int link_status(const Path& path, struct stat& into);  // of the link itself
    virtual int check_writable(const Path& path);
    virtual int make_directory(const Path& path, unsigned rights);
    virtual int remove_directory(const Path& path);
    virtual int set_rights(const Path& path, unsigned rights);
    virtual int unlink(const Path& path);
    virtual int rename(const Path& from, const Path& to);
    virtual int rename_new(const Path& from, const Path& to);
    virtual int link(const Path& path, const Path& name);
    virtual int symbolic_link(const Path& target, const Path& name);
    virtual Path link_target(const Path& path);  // of a symbolic link; else empty
    virtual void remove_all(const Path& path);  // and all that is in it, as far as that can be done
    // What a directory has, in no order; as far as that can be read, and why not further.
    virtual std::vector<std::string> names(const Path& directory, std::error_code& error);
    std::vector<std::string> names(const Path& directory) {
        std::error_code ignored;
        return names(directory, ignored);
    }

    // By which it dates its files.
    virtual std::chrono::system_clock::time_point now();
};

// The one that is in use.
Disk& disk();
// From now on this process waits for no disk: what it has written is on the disk when the system
// puts it there, and after a failure of power some of it may be missing, or be zeros.
void stop_flushing();

// For a test that uses no other thread: `other` is in use as long as this lives.
class DiskInstead {
  public:
    explicit DiskInstead(Disk& other);
    DiskInstead(const DiskInstead&) = delete;
    DiskInstead& operator=(const DiskInstead&) = delete;
    ~DiskInstead();

  private:
    Disk* before_;
};

// What the file takes there: less than its size where it has holes.
inline std::uint64_t disk_bytes_of(const struct stat& status) {
    constexpr std::uint64_t block_bytes = 512;  // of st_blocks, everywhere
    return static_cast<std::uint64_t>(status.st_blocks) * block_bytes;
}

}  // namespace kp2p
