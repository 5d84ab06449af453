#include "test/node/store/faults.hpp"

#include <sys/file.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace kp2p::test {

Faults faults;

namespace {

bool takes_one(int& count) { return count > 0 && count--; }

int fail(int error) {
    errno = error;
    return -1;
}

int turn = 0;
bool is_interrupted() { return faults.interrupted && ++turn % 2 == 0; }
std::size_t piece(std::size_t size) {
    constexpr std::size_t odd = 4099;
    return faults.interrupted ? std::min(size, odd) : size;
}

}  // namespace
}  // namespace kp2p::test

using namespace kp2p::test;

extern "C" {

int __real_fdatasync(int fd);
int __real_fsync(int fd);
int __real_syncfs(int fd);
int __real_flock(int fd, int operation);
ssize_t __real_pread64(int fd, void* into, size_t size, off64_t offset);
ssize_t __real_pwrite64(int fd, const void* from, size_t size, off64_t offset);
ssize_t __real_pwritev64(int fd, const iovec* from, int count, off64_t offset);
int __real_sync_file_range(int fd, off64_t offset, off64_t size, unsigned flags);

int __wrap_sync_file_range(int fd, off64_t offset, off64_t size, unsigned flags) {
    faults.calls.push_back("begin flush");
    return __real_sync_file_range(fd, offset, size, flags);
}

int __wrap_fdatasync(int fd) {
    if (is_interrupted()) return fail(EINTR);
    faults.calls.push_back("flush data");
    return takes_one(faults.failing_data_flushes) ? fail(faults.error) : __real_fdatasync(fd);
}

int __wrap_fsync(int fd) {
    if (is_interrupted()) return fail(EINTR);
    faults.calls.push_back("flush names");
    return takes_one(faults.failing_name_flushes) ? fail(faults.error) : __real_fsync(fd);
}

int __wrap_syncfs(int fd) {
    faults.calls.push_back("flush system");
    if (takes_one(faults.passing_system_flushes)) return __real_syncfs(fd);
    return takes_one(faults.failing_system_flushes) ? fail(faults.error) : __real_syncfs(fd);
}

int __wrap_flock(int fd, int operation) {
    if (faults.locks == Faults::Locks::always_held) return 0;
    if (faults.locks == Faults::Locks::missing) return fail(ENOLCK);
    return __real_flock(fd, operation);
}

ssize_t __wrap_pread64(int fd, void* into, size_t size, off64_t offset) {
    if (is_interrupted()) return fail(EINTR);
    if (faults.unreadable) return fail(faults.error);
    const ssize_t n = __real_pread64(fd, into, piece(size), offset);
    if (auto happen = std::exchange(faults.after_read, nullptr)) happen();
    return n;
}

ssize_t __wrap_pwrite64(int fd, const void* from, size_t size, off64_t offset) {
    if (is_interrupted()) return fail(EINTR);
    faults.calls.push_back("write");
    return __real_pwrite64(fd, from, piece(size), offset);
}

ssize_t __wrap_pwritev64(int fd, const iovec* from, int count, off64_t offset) {
    if (is_interrupted()) return fail(EINTR);
    faults.calls.push_back("write");
    if (!faults.interrupted) return __real_pwritev64(fd, from, count, offset);
    iovec some[] = {from[0], from[1]};
    some[1].iov_len = piece(some[1].iov_len);
    return __real_pwritev64(fd, some, 2, offset);
}

}  // extern "C"
