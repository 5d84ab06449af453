// File: an open file, with every failure as a value. Errors are the system's own codes, save that a
// full disk or quota is Errc::out_of_space. Blocking; positioned reads and writes may come from
// several threads at once.
#pragma once

#include <cstdint>
#include <filesystem>
#include <stop_token>
#include <string>
#include <utility>

#include "proto/bytes.hpp"
#include "proto/outcome.hpp"

namespace kp2p {

// What tells one state of a file from another: a file whose stamp changed may have other content.
struct FileStamp {
    std::uint64_t size_bytes = 0;
    std::int64_t modified_ns = 0;  // since 1970
    friend bool operator==(const FileStamp&, const FileStamp&) = default;
};

class File {
  public:
    enum class Mode {
        read,           // must exist
        update,         // read and write; made if missing
        create,         // read and write; must not exist
        create_secret,  // the same, for its owner alone
    };
    File() = default;
    File(File&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    File& operator=(File&& other) noexcept;
    ~File();

    static Result<File> open(const std::filesystem::path& path, Mode mode);

    Result<FileStamp> stamp() const;  // std::errc::invalid_argument unless it is a regular file
    // Reads until `into` is full or the file ends, and says how much that was.
    Result<std::size_t> read_at(std::uint64_t offset, std::span<std::uint8_t> into) const;
    Result<void> write_at(std::uint64_t offset, ByteView bytes) const;
    Result<void> reserve(std::uint64_t size_bytes) const;  // disk space for the whole file, now
    Result<void> resize(std::uint64_t size_bytes) const;
    Result<void> flush() const;               // content and size are on the disk when it returns
    bool clone_from(const File& from) const;  // shares the blocks of `from`, where that can be done
    // All of it; by sharing blocks if it can. Errc::canceled on `stop`.
    Result<void> copy_from(const File& from, const std::stop_token& stop) const;
    enum class Lock { held, busy, unsupported };
    Lock try_lock() const;  // exclusive; ends with this object or its process, even a killed one
    bool is_at(const std::filesystem::path& path) const;  // no other file has taken its name

  private:
    explicit File(int fd) : fd_(fd) {}
    int fd_ = -1;
};

// A file under construction: gone with this object, unless it was renamed into place.
class TempFile {
  public:
    static constexpr std::string_view suffix = ".kp2p-temp";

    static Result<TempFile> create_in(const std::filesystem::path& directory,
                                      File::Mode mode = File::Mode::create);
    TempFile(TempFile&& other) noexcept;
    TempFile& operator=(TempFile&&) = delete;
    ~TempFile();

    const File& file() const { return file_; }
    const std::filesystem::path& path() const { return path_; }
    // Gives it its final name, over a file that has it; makes missing directories.
    enum class Durability { flush, none };  // flush: content and name are on the disk afterwards
    Result<void> publish(const std::filesystem::path& final_path, Durability durability);

    // Removes the files and directories under construction that killed writers left in `directory`.
    // Those of living ones are locked.
    static void sweep(const std::filesystem::path& directory);

  private:
    TempFile(std::filesystem::path path, File file)
        : path_(std::move(path)), file_(std::move(file)) {}
    std::filesystem::path path_;  // empty: nothing to remove
    File file_;
};

std::error_code system_error(int number);  // errno as a code
// What went wrong with the storage itself: out_of_space stays, all else is storage_unavailable.
// `where` is the path, as far as it is known.
std::error_code storage_error(std::error_code error, const std::filesystem::path& where);
// The same for what no code of the system says, as a sentence.
void note_storage_trouble(std::string sentence);
// What such a code cannot carry, of the latest such error in the process: "PATH: the system's
// words". Empty if there was none. From any thread.
std::string storage_trouble();

// Makes a directory and its parents, and says how many were missing.
Result<int> make_directories(const std::filesystem::path& directory);
// All that was written to the file system of `directory` is on the disk.
Result<void> flush_file_system(const std::filesystem::path& directory);
struct Renaming {
    const std::filesystem::path& from;
    const std::filesystem::path& to;
};
// The new name, and those of the directories made for it, are on the disk.
Result<void> rename_durably(Renaming names);
// A small file, whole; std::errc::file_too_large above `max_bytes`.
Result<ByteVector> read_small_file(const std::filesystem::path& path, std::size_t max_bytes);
std::string random_name();  // 16 hex digits

}  // namespace kp2p
