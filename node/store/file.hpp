// File: an open file, with every failure as a value. Errors are the system's own codes, save that a
// full disk or quota is Errc::out_of_space. Blocking; positioned reads and writes may come from
// several threads at once. After a flush that failed nothing says what of the file is on the disk,
// and flushing again proves nothing, for the system may have dropped what it could not write: all
// of it is to be written anew.
#pragma once

#include <sys/stat.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <stop_token>
#include <string>
#include <utility>

#include "node/store/disk/platform.hpp"
#include "proto/bytes.hpp"
#include "proto/outcome.hpp"

namespace kp2p {

// What tells one state of a file from another: a file whose stamp changed may have other content.
struct FileStamp {
    std::uint64_t size_bytes = 0;
    std::int64_t modified_ns = 0;  // since 1970
    std::int64_t changed_ns = 0;   // the same; nobody can set it, and renaming changes it
    std::uint64_t inode = 0;
    friend bool operator==(const FileStamp&, const FileStamp&) = default;
    std::string text() const;  // another one for each
};

class File {
  public:
    enum class Mode {   // all but the first refuse a symbolic link
        read,           // must exist; also a directory
        change,         // read and write; must exist
        update,         // read and write; made if missing
        create,         // read and write; must not exist
        create_secret,  // the same, for its owner alone
    };
    File() = default;
    File(File&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    File& operator=(File&& other) noexcept;
    ~File();

    // `rights`: of a file that is made, less the umask. Never waits, not for a FIFO's other end
    // either.
    static Result<File> open(const std::filesystem::path& path, Mode mode, unsigned rights = 0644);

    Result<FileStamp> stamp() const;  // std::errc::invalid_argument unless it is a regular file
    // Reads until `into` is full or the file ends, and says how much that was.
    Result<std::size_t> read_at(std::uint64_t offset, std::span<std::uint8_t> into) const;
    Result<void> write_at(std::uint64_t offset, ByteView bytes) const;
    Result<void> write_at(std::uint64_t offset, ByteViews bytes) const;
    // The same, but blocks of zeros become holes where the file system has holes. A hole at the end
    // of the file is there only after a resize().
    Result<void> write_sparse_at(std::uint64_t offset, ByteView bytes) const;
    Result<void> write_sparse_at(std::uint64_t offset, ByteViews bytes) const;
    Result<void> resize(std::uint64_t size_bytes) const;
    // Errc::out_of_space if the file system has less room than that just now.
    Result<void> check_room(std::uint64_t size_bytes) const;
    Result<void> flush() const;        // content and size are on the disk when it returns
    void flush_ahead() const;          // begins with that, and does not wait
    Result<void> flush_names() const;  // of a directory: what it has and has not
    // Of a directory: all that was written to its file system since it was opened is on the disk.
    // std::errc::function_not_supported where a failure of that would go unseen.
    Result<void> flush_file_system() const;
    // What is written to it from now on, through a mapping too, shows in its stamp().
    void watch_mappings() const;
    bool clone_from(const File& from) const;  // shares the blocks of `from`, where that can be done
    // All of it into this, which must be empty; by sharing blocks if it can, and with its holes.
    // Errc::canceled on `stop`. `moved`: after each piece.
    Result<void> copy_from(const File& from, const std::stop_token& stop,
                           const std::function<void()>& moved = {}) const;
    enum class Lock { held, busy, unsupported };
    Lock try_lock() const;  // exclusive; ends with this object or its process, even a killed one
    bool is_at(const std::filesystem::path& path) const;  // no other file or link has its name
    // Its mode, as it is for `group`: one that is not its own has the rights of all others.
    unsigned rights(unsigned group) const;
    void set_rights(unsigned rights) const;  // as far as we may
    void protect() const;                    // nobody may write to it, the same
    // What root made is that user's, and that group's, from now on; what another has made stays.
    void give_to(std::uint32_t user, std::uint32_t group) const;
    // Whether nobody but this user, and root, can have written to it.
    bool is_ours_alone() const;

  private:
    friend class ExtentCopy;
    explicit File(int fd) : fd_(fd) {}
    int fd_ = -1;
};

// Copies parts of a file, from front to back, to the same places of another one, which is much
// cheaper than to read and write them.
class ExtentCopy {
  public:
    ExtentCopy(const File& from, const File& to) : files_{.from = from.fd_, .to = to.fd_} {}
    // False, and some of it may be written, where that cannot be done: it has a hole, or ends
    // before.
    bool copy(platform::Extent extent);

  private:
    platform::Pair files_;
    std::uint64_t next_hole_ = 0;  // asked for no more often than there are holes
};

// As File::stamp(), or why it cannot be opened.
Result<FileStamp> stamp_at(const std::filesystem::path& path);

// How long ago it was written to, or, of a directory, a name there was.
std::chrono::nanoseconds age_of(const struct stat& status);

std::error_code system_error(int number);  // errno as a code
std::error_code last_error();              // the same
// What went wrong with the storage itself: out_of_space stays, all else is storage_unavailable.
// `where` is the path, as far as it is known.
std::error_code storage_error(std::error_code error, const std::filesystem::path& where);
// The same for what no code of the system says, as a sentence.
void note_storage_trouble(std::string sentence);
// Whether an error is the storage's, and storage_trouble() has more about it.
bool is_storage_error(std::error_code error);
// What such a code cannot carry, of the latest such error in the process: the path, and why. Empty
// if there was none. From any thread.
std::string storage_trouble();

// A small file, whole; std::errc::file_too_large above `max_bytes`.
Result<ByteVector> read_small_file(const std::filesystem::path& path, std::size_t max_bytes);
// 16 hex digits that no other call gives, in whichever process, on whichever machine: made of what
// tells those apart, since the storage is also used where there is no node, and so no Random.
std::string unique_name();

}  // namespace kp2p
