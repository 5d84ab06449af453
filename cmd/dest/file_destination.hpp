// Where kp2p-load --dest puts a file: beside its place first and renamed into it when it is whole
// and on the disk, so that nobody ever sees half of one, and with the rights that the umask leaves.
// Errors are the system's own codes, or Errc::out_of_space, and are the destination's;
// Errc::canceled on `stop`.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>

#include "cmd/dest/copy_stored.hpp"
#include "cmd/dest/sparse_writer.hpp"
#include "node/store/temp_file.hpp"

namespace kp2p {

// The rights of a new file, as far as the umask leaves them.
std::filesystem::perms common_rights();

// One file. Shape: find(), early, as it refuses what can be no destination; begin(); take(), or
// write() any number of times; finish().
//   "-", /dev/stdout, /dev/fd/N   what is open there already
//   a device or FIFO              is written to, and stays what it is; a FIFO waits for its reader
//   a link                        is followed, as cp does;
//                                 std::errc::no_such_file_or_directory if it leads nowhere
//   a file                        is replaced, and its rights are kept
//   nothing                       is made
class FileDestination {
  public:
    static Result<FileDestination> find(const std::filesystem::path& named, std::stop_token stop);

    bool is_stdout() const;
    bool may_wait() const;  // for a reader, as a pipe's
    void sweep() const;     // removes what killed writers left beside it
    Result<void> begin();
    // Whether it holds the file now; if not, nothing was written.
    Result<bool> take(const StoredCopy& stored, const std::function<void()>& moved);
    Result<void> write(ByteView bytes);
    Result<void> finish();

  private:
    explicit FileDestination(std::stop_token stop) : stop_(std::move(stop)) {}
    Result<void> write_through(ByteView bytes) const;

    std::stop_token stop_;
    std::filesystem::path path_;
    std::filesystem::perms rights_ = common_rights();  // or those of the file that is replaced
    bool special_ = false;                             // neither a file nor a directory
    std::optional<int> named_descriptor_;
    std::shared_ptr<const int> through_;  // what is written to as it is; closed with the last of us
    std::optional<TempFile> temp_;
    bool taken_ = false;
    SparseWriter sparse_;
};

}  // namespace kp2p
