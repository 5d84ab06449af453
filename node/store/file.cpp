#include "node/store/file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <mutex>

#include "node/store/disk/disk.hpp"
#include "node/store/store_errc.hpp"
#include "proto/byte_size.hpp"
#include "proto/crypto/hash.hpp"

namespace kp2p {
namespace fs = std::filesystem;

namespace {

std::mutex trouble_mutex;
std::string trouble;

constexpr std::size_t unique_digits = 16;
constexpr std::size_t hole_bytes = std::size_t{64} << 10;  // what is worth a hole
// At a time. Linux takes one piece of memory for a larger write, and a virtual machine that gives
// large pieces back to its host while they are free pays for each anew.
constexpr std::size_t most_written_bytes = std::size_t{256} << 10;

template <class Call>
auto until_done(Call call) {  // whatever signals come in between
    for (;;) {
        const auto result = call();
        if (result != -1 || errno != EINTR) return result;
    }
}

bool is_zero(ByteView bytes) {
    return bytes[0] == 0 && std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0;
}

// How many bytes from the first on are alike: in blocks of zeros, or in others.
std::size_t run_length(ByteView bytes, bool zero) {
    std::size_t at = std::min(hole_bytes, bytes.size());
    while (at < bytes.size() &&
           is_zero(bytes.subspan(at, std::min(hole_bytes, bytes.size() - at))) == zero)
        at += std::min(hole_bytes, bytes.size() - at);
    return at;
}

// In the system's words, and what to do about it where they do not say.
std::string words(std::error_code error) {
    if (error == std::errc::too_many_files_open) return error.message() + ": raise ulimit -n";
    if (error == std::errc::file_too_large)
        return error.message() + " for ulimit -f or the file system";
    return error.message();
}

// What the file system says of its room. Where there is much, and yet not enough, some of it may be
// denied to this user.
std::string room_words(fs::path where) {
    constexpr std::uint64_t much_bytes = 64 << 20;
    struct statvfs room {};
    while (::statvfs(where.c_str(), &room) != 0 && where.has_relative_path())
        where = where.parent_path();
    if (room.f_files > 0 && room.f_favail == 0 && room.f_bavail > 0)
        return ", whose file system can hold no more files (df -i)";
    if (room.f_blocks == 0) return "";
    const std::uint64_t free_bytes = std::uint64_t{room.f_bavail} * room.f_frsize;
    const std::string free = ", whose file system has " + proto::size_words(free_bytes) + " free";
    return free_bytes < much_bytes ? free : free + "; a disk quota may leave you less (quota -s)";
}

}  // namespace

std::chrono::nanoseconds age_of(const struct stat& status) {
    const std::chrono::nanoseconds now = disk().now().time_since_epoch();
    return now - std::chrono::nanoseconds(platform::modified_ns(status));
}

std::error_code system_error(int number) {
    if (number == ENOSPC || number == EDQUOT) return Errc::out_of_space;
    return {number, std::generic_category()};
}

std::error_code last_error() { return system_error(errno); }

std::error_code storage_error(std::error_code error, const fs::path& where) {
    if (error == Errc::storage_unavailable || error == StoreErrc::collision) return error;
    const bool space =
        error == make_error_code(Errc::out_of_space) || error == std::errc::no_space_on_device;
    note_storage_trouble(where.string() + (space ? room_words(where) : ": " + words(error)));
    return space ? Errc::out_of_space : Errc::storage_unavailable;
}

void note_storage_trouble(std::string sentence) {
    const std::lock_guard lock(trouble_mutex);
    trouble = std::move(sentence);
}

bool is_storage_error(std::error_code error) {
    return error == Errc::storage_unavailable || error == Errc::out_of_space;
}

std::string storage_trouble() {
    const std::lock_guard lock(trouble_mutex);
    return trouble;
}

File& File::operator=(File&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
}

File::~File() {
    if (fd_ >= 0) disk().close(fd_);
}

Result<File> File::open(const fs::path& path, Mode mode, unsigned rights) {
    int flags = mode == Mode::read ? O_RDONLY : O_RDWR | O_NOFOLLOW;
    if (mode == Mode::update) flags |= O_CREAT;
    const bool secret = mode == Mode::create_secret;
    if (mode == Mode::create || secret) flags |= O_CREAT | O_EXCL;
    const int fd = until_done([&] { return disk().open(path, flags, secret ? 0600 : rights); });
    if (fd < 0) return last_error();
    return File(fd);
}

Result<FileStamp> File::stamp() const {
    struct stat status, again;
    if (disk().status(fd_, status) != 0 || disk().status(fd_, again) != 0) return last_error();
    if (!S_ISREG(status.st_mode)) return make_error_code(std::errc::invalid_argument);
    // Some FUSE file systems say another number each time, which tells nothing.
    if (again.st_ino != status.st_ino) status.st_ino = 0;
    return FileStamp{.size_bytes = static_cast<std::uint64_t>(status.st_size),
                     .modified_ns = platform::modified_ns(status),
                     .changed_ns = platform::changed_ns(status),
                     .inode = status.st_ino};
}

Result<std::size_t> File::read_at(std::uint64_t offset, std::span<std::uint8_t> into) const {
    std::size_t done = 0;
    while (done < into.size()) {
        const auto rest = into.subspan(done);
        const ssize_t n = until_done([&] { return disk().read(fd_, rest, offset + done); });
        if (n < 0) return last_error();
        if (n == 0) break;
        done += static_cast<std::size_t>(n);
    }
    return done;
}

Result<void> File::write_at(std::uint64_t offset, ByteView bytes) const {
    while (!bytes.empty()) {
        const ByteView piece = bytes.first(std::min(bytes.size(), most_written_bytes));
        const ssize_t n = until_done([&] { return disk().write(fd_, piece, offset); });
        if (n < 0) return last_error();
        if (n == 0) return make_error_code(std::errc::io_error);
        bytes = bytes.subspan(static_cast<std::size_t>(n));
        offset += static_cast<std::uint64_t>(n);
    }
    return ok;
}

Result<void> File::write_sparse_at(std::uint64_t offset, ByteView bytes) const {
    while (!bytes.empty()) {
        const bool zero = is_zero(bytes.first(std::min(hole_bytes, bytes.size())));
        const std::size_t size = run_length(bytes, zero);
        const bool hole = zero && disk().make_hole(fd_, {.offset = offset, .size = size});
        if (!hole)
            if (auto done = write_at(offset, bytes.first(size)); !done) return done.error();
        offset += size;
        bytes = bytes.subspan(size);
    }
    return ok;
}

Result<void> File::write_at(std::uint64_t offset, ByteViews bytes) const {
    const ssize_t n = until_done([&] { return disk().write(fd_, bytes, offset); });
    if (n < 0) return last_error();
    auto taken = static_cast<std::size_t>(n);
    for (const ByteView part : bytes) {
        const std::size_t size = std::min(taken, part.size());
        if (auto done = write_at(offset + size, part.subspan(size)); !done) return done;
        taken -= size;
        offset += part.size();
    }
    return ok;
}

Result<void> File::write_sparse_at(std::uint64_t offset, ByteViews bytes) const {
    while (!bytes.empty()) {
        // As many as one write may have; or one alone, in which there may be holes.
        std::size_t count = 0, size_bytes = 0;
        for (const ByteView part : bytes) {
            const bool fits = size_bytes + part.size() <= most_written_bytes;
            if (!fits || part.empty() || part.size() > hole_bytes || is_zero(part)) break;
            size_bytes += part.size();
            ++count;
        }
        if (count < 2) size_bytes = bytes.front().size();
        auto done = count < 2 ? write_sparse_at(offset, bytes.front())
                              : write_at(offset, bytes.first(count));
        if (!done) return done;
        offset += size_bytes;
        bytes = bytes.subspan(std::max<std::size_t>(count, 1));
    }
    return ok;
}

Result<void> File::resize(std::uint64_t size_bytes) const {
    if (until_done([&] { return disk().resize(fd_, size_bytes); }) != 0) return last_error();
    return ok;
}

Result<void> File::check_room(std::uint64_t size_bytes) const {
    struct statvfs space;
    // Some network file systems say that they have no blocks at all.
    if (disk().room(fd_, space) != 0 || space.f_blocks == 0 || space.f_frsize == 0) return ok;
    if (size_bytes / space.f_frsize >= static_cast<std::uint64_t>(space.f_bavail) && size_bytes > 0)
        return Errc::out_of_space;
    return ok;
}

Result<void> File::flush() const {
    if (until_done([&] { return disk().flush(fd_); }) != 0) return last_error();
    return ok;
}

void File::flush_ahead() const { disk().flush_ahead(fd_); }

Result<void> File::flush_names() const {
    if (until_done([&] { return disk().flush_names(fd_); }) != 0) return last_error();
    return ok;
}

Result<void> File::flush_file_system() const {
    if (until_done([&] { return disk().flush_file_system(fd_); }) != 0) return last_error();
    return ok;
}

void File::watch_mappings() const { disk().begin_flush(fd_); }

bool File::clone_from(const File& from) const {
    return disk().clone({.from = from.fd_, .to = fd_});
}

bool ExtentCopy::copy(platform::Extent extent) {
    if (next_hole_ <= extent.offset) next_hole_ = disk().next_hole(files_.from, extent.offset);
    if (next_hole_ < extent.offset + extent.size) return false;
    return disk().copy(files_, extent);
}

Result<void> File::copy_from(const File& from, const std::stop_token& stop,
                             const std::function<void()>& moved) const {
    if (clone_from(from)) return ok;
    ByteVector buffer(std::size_t{1} << 20);
    ExtentCopy extents(from, *this);
    for (std::uint64_t offset = 0;;) {
        if (stop.stop_requested()) return Errc::canceled;
        if (moved && offset > 0) moved();
        if (extents.copy({.offset = offset, .size = buffer.size()})) {
            offset += buffer.size();
            continue;
        }
        auto size = from.read_at(offset, buffer);
        if (!size) return size.error();
        if (*size == 0) return resize(offset);
        auto done = write_sparse_at(offset, ByteView(buffer).first(*size));
        if (!done) return done.error();
        offset += *size;
    }
}

File::Lock File::try_lock() const {
    if (until_done([&] { return disk().lock(fd_); }) == 0) return Lock::held;
    return errno == EWOULDBLOCK ? Lock::busy : Lock::unsupported;
}

bool File::is_at(const fs::path& path) const {
    struct stat mine, there, again;
    if (disk().link_status(path, there) != 0 || disk().status(fd_, mine) != 0) return false;
    if (mine.st_dev != there.st_dev) return false;
    if (mine.st_ino == there.st_ino) return true;
    // As in stamp().
    return disk().status(fd_, again) == 0 && again.st_ino != mine.st_ino;
}

unsigned File::rights(unsigned group) const {
    constexpr mode_t all = 0777, of_group = 0070, of_others = 0007;
    struct stat status;
    if (disk().status(fd_, status) != 0) return 0;
    if (status.st_gid == group) return status.st_mode & all;
    return (status.st_mode & all & ~of_group) | (status.st_mode & of_others) << 3;
}

std::string FileStamp::text() const {
    return std::to_string(size_bytes) + '.' + std::to_string(modified_ns) + '.' +
           std::to_string(changed_ns) + '.' + std::to_string(inode);
}

bool File::is_ours_alone() const {
    struct stat status;
    if (disk().status(fd_, status) != 0) return false;
    return (status.st_uid == ::geteuid() || status.st_uid == 0) && (status.st_mode & 0022) == 0;
}

void File::set_rights(unsigned rights) const { (void)disk().set_rights(fd_, rights); }

void File::protect() const {
    constexpr mode_t kept = 07555, writing = 0222;
    struct stat status;
    if (disk().status(fd_, status) == 0 && (status.st_mode & writing))
        set_rights(status.st_mode & kept);
}

void File::give_to(std::uint32_t user, std::uint32_t group) const {
    struct stat status;
    if (disk().status(fd_, status) != 0 || status.st_uid != 0) return;
    // What has another name as well was not made here.
    if (!S_ISDIR(status.st_mode) && status.st_nlink > 1) return;
    (void)disk().set_owner(fd_, user, group);
}

Result<FileStamp> stamp_at(const fs::path& path) {
    const auto file = File::open(path, File::Mode::read);
    if (!file) return file.error();
    return file->stamp();
}

Result<ByteVector> read_small_file(const fs::path& path, std::size_t max_bytes) {
    auto file = File::open(path, File::Mode::read);
    if (!file) return file.error();
    auto stamp = file->stamp();
    if (!stamp) return stamp.error();
    if (stamp->size_bytes > max_bytes) return make_error_code(std::errc::file_too_large);
    ByteVector bytes(static_cast<std::size_t>(stamp->size_bytes));
    auto size = file->read_at(0, bytes);
    if (!size) return size.error();
    bytes.resize(*size);
    return bytes;
}

std::string unique_name() {
    static const auto began = std::chrono::steady_clock::now().time_since_epoch().count();
    static const std::string boot = platform::boot_tag();
    static std::atomic<std::uint64_t> calls = 0;
    const std::string own = boot + ' ' + std::to_string(getpid()) + ' ' + std::to_string(began) +
                            ' ' + std::to_string(calls++);
    const std::string hex = proto::blake2b_256(as_bytes(own)).hex();
    return hex.substr(0, unique_digits);
}

}  // namespace kp2p
