#include "node/store/file.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <mutex>

#include "node/async/random.hpp"
#include "node/store/platform.hpp"

namespace kp2p {
namespace fs = std::filesystem;

namespace {

std::mutex trouble_mutex;
std::string trouble;

std::error_code last_error() { return system_error(errno); }

// The whole name, for a sweep may be in a directory of the user's.
bool is_temp_name(std::string_view name) {
    constexpr std::size_t digits = 16;  // as random_name() makes them
    return name.size() == digits + TempFile::suffix.size() && name.ends_with(TempFile::suffix) &&
           name.find_first_not_of("0123456789abcdef") == digits;
}

}  // namespace

std::error_code system_error(int number) {
    if (number == ENOSPC || number == EDQUOT) return Errc::out_of_space;
    return {number, std::generic_category()};
}

std::error_code storage_error(std::error_code error, const fs::path& where) {
    note_storage_trouble(where.string() + ": " + error.message());
    const bool space =
        error == make_error_code(Errc::out_of_space) || error == std::errc::no_space_on_device;
    return space ? Errc::out_of_space : Errc::storage_unavailable;
}

void note_storage_trouble(std::string sentence) {
    const std::lock_guard lock(trouble_mutex);
    trouble = std::move(sentence);
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
    if (fd_ >= 0) close(fd_);
}

Result<File> File::open(const fs::path& path, Mode mode) {
    int flags = O_CLOEXEC;
    if (mode == Mode::read) flags |= O_RDONLY | O_NONBLOCK;  // a FIFO would wait for a writer
    if (mode == Mode::update) flags |= O_RDWR | O_CREAT;
    const bool secret = mode == Mode::create_secret;
    if (mode == Mode::create || secret) flags |= O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW;
    const int fd = ::open(path.c_str(), flags, secret ? 0600 : 0644);
    if (fd < 0) return last_error();
    File file(fd);
    if (mode == Mode::read && fcntl(fd, F_SETFL, 0) != 0) return last_error();
    return file;
}

Result<FileStamp> File::stamp() const {
    struct stat status;
    if (fstat(fd_, &status) != 0) return last_error();
    if (!S_ISREG(status.st_mode)) return make_error_code(std::errc::invalid_argument);
    return FileStamp{static_cast<std::uint64_t>(status.st_size), platform::modified_ns(status)};
}

Result<std::size_t> File::read_at(std::uint64_t offset, std::span<std::uint8_t> into) const {
    std::size_t done = 0;
    while (done < into.size()) {
        const auto rest = into.subspan(done);
        const ssize_t n = pread(fd_, rest.data(), rest.size(), static_cast<off_t>(offset + done));
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return last_error();
        if (n == 0) break;
        done += static_cast<std::size_t>(n);
    }
    return done;
}

Result<void> File::write_at(std::uint64_t offset, ByteView bytes) const {
    while (!bytes.empty()) {
        const ssize_t n = pwrite(fd_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return last_error();
        bytes = bytes.subspan(static_cast<std::size_t>(n));
        offset += static_cast<std::uint64_t>(n);
    }
    return ok;
}

Result<void> File::reserve(std::uint64_t size_bytes) const {
    if (platform::reserve(fd_, size_bytes) != 0) return last_error();
    return ok;
}

Result<void> File::resize(std::uint64_t size_bytes) const {
    if (ftruncate(fd_, static_cast<off_t>(size_bytes)) != 0) return last_error();
    return ok;
}

Result<void> File::flush() const {
    if (platform::flush(fd_) != 0) return last_error();
    return ok;
}

bool File::clone_from(const File& from) const {
    return platform::clone({.from = from.fd_, .to = fd_});
}

Result<void> File::copy_from(const File& from, const std::stop_token& stop) const {
    if (clone_from(from)) return ok;
    ByteVector buffer(std::size_t{1} << 20);
    for (std::uint64_t offset = 0;;) {
        if (stop.stop_requested()) return Errc::canceled;
        auto size = from.read_at(offset, buffer);
        if (!size) return size.error();
        if (*size == 0) return ok;
        if (auto done = write_at(offset, ByteView(buffer).first(*size)); !done) return done.error();
        offset += *size;
    }
}

File::Lock File::try_lock() const {
    if (flock(fd_, LOCK_EX | LOCK_NB) == 0) return Lock::held;
    return errno == EWOULDBLOCK ? Lock::busy : Lock::unsupported;
}

bool File::is_at(const fs::path& path) const {
    struct stat mine, there;
    return fstat(fd_, &mine) == 0 && stat(path.c_str(), &there) == 0 &&
           mine.st_dev == there.st_dev && mine.st_ino == there.st_ino;
}

Result<TempFile> TempFile::create_in(const fs::path& directory, File::Mode mode) {
    for (;;) {
        fs::path path = directory / (random_name() + std::string(suffix));
        auto file = File::open(path, mode);
        if (!file) return file.error();
        TempFile temp(std::move(path), std::move(*file));
        // A sweep may come between creating and locking it, and take it for a dead writer's.
        if (temp.file_.try_lock() != File::Lock::busy && temp.file_.is_at(temp.path_)) return temp;
    }
}

TempFile::TempFile(TempFile&& other) noexcept
    : path_(std::exchange(other.path_, {})), file_(std::move(other.file_)) {}

TempFile::~TempFile() {
    if (!path_.empty()) unlink(path_.c_str());
}

Result<void> TempFile::publish(const fs::path& final_path, Durability durability) {
    if (durability == Durability::flush) {
        if (auto done = file_.flush(); !done) return done.error();
        if (auto done = rename_durably({.from = path_, .to = final_path}); !done)
            return done.error();
    } else {
        if (auto made = make_directories(final_path.parent_path()); !made) return made.error();
        if (std::rename(path_.c_str(), final_path.c_str()) != 0) return last_error();
    }
    path_.clear();
    return ok;
}

void TempFile::sweep(const fs::path& directory) {
    std::error_code error;
    for (fs::directory_iterator each(directory, error), end; !error && each != end;
         each.increment(error)) {
        if (!is_temp_name(each->path().filename().native())) continue;
        std::error_code ignored;
        const bool is_directory = each->symlink_status(ignored).type() == fs::file_type::directory;
        auto file = File::open(each->path(), is_directory ? File::Mode::read : File::Mode::update);
        if (file && file->try_lock() == File::Lock::held) fs::remove_all(each->path(), ignored);
    }
}

Result<int> make_directories(const fs::path& directory) {
    if (directory.empty() || mkdir(directory.c_str(), 0755) == 0) return directory.empty() ? 0 : 1;
    if (errno == EEXIST) return 0;
    if (errno != ENOENT || !directory.has_relative_path()) return last_error();
    auto made = make_directories(directory.parent_path());
    if (!made) return made.error();
    if (mkdir(directory.c_str(), 0755) != 0 && errno != EEXIST) return last_error();
    return *made + 1;
}

namespace {

template <class Flush>
Result<void> flush_opened(const fs::path& directory, Flush flush) {
    const fs::path path = directory.empty() ? "." : directory;
    const int fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return last_error();
    const std::error_code error = flush(fd) == 0 ? std::error_code() : last_error();
    close(fd);
    // Some network file systems refuse to flush a directory because they need not.
    if (error && error != std::errc::invalid_argument) return error;
    return ok;
}

}  // namespace

Result<void> flush_file_system(const fs::path& directory) {
    return flush_opened(directory, platform::flush_file_system);
}

Result<void> rename_durably(Renaming names) {
    fs::path directory = names.to.parent_path();
    auto made = make_directories(directory);
    if (!made) return made.error();
    if (std::rename(names.from.c_str(), names.to.c_str()) != 0) return last_error();
    // The lowest first: on a journaling file system that brings the others along.
    for (int i = 0; i <= *made; ++i, directory = directory.parent_path())
        if (auto done = flush_opened(directory, fsync); !done) return done.error();
    return ok;
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

std::string random_name() {
    using Name = Bytes<struct RandomNameTag, 8>;
    return random_bytes<Name>().hex();
}

}  // namespace kp2p
