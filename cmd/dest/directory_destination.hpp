// Where kp2p-load --dest puts a directory: beside its place first and renamed into it when it is
// whole and on the disk. Errors are the system's own codes, or Errc::out_of_space, and are the
// destination's.
#pragma once

#include <filesystem>
#include <stop_token>

#include "node/store/file.hpp"
#include "proto/file/sha1dir.hpp"

namespace kp2p {

// A directory, over an empty one at most. Shape: find(); if is_taken(), holds() may say that all is
// there already; else begin(), make all below path(), finish().
class DirectoryDestination {
  public:
    // std::errc::file_exists for what is no directory.
    static Result<DirectoryDestination> find(const std::filesystem::path& named);
    ~DirectoryDestination();
    DirectoryDestination(DirectoryDestination&& other) noexcept;
    DirectoryDestination& operator=(DirectoryDestination&&) = delete;

    bool is_taken() const;  // by something that is not empty
    // Whether it holds exactly this: the same names, and files of the same bytes.
    Result<bool> holds(const proto::Sha1Dir& directory, const std::stop_token& stop) const;
    Result<void> begin();
    const std::filesystem::path& path() const { return temp_; }  // between begin() and finish()
    Result<void> finish();

  private:
    explicit DirectoryDestination(std::filesystem::path to) : to_(std::move(to)) {}

    std::filesystem::path to_, temp_;  // temp_ is empty: nothing to remove
    File lock_;                        // so that no sweep takes temp_
};

}  // namespace kp2p
