// Publisher: makes finished files appear under their final names, durably, and many of them at the
// price of a few. Shape: add() each, then finish(); what was added counts only after a finish()
// that succeeded, though it may be seen earlier. One that is destroyed unfinished publishes no
// more.
#pragma once

#include <filesystem>
#include <vector>

#include "node/store/file.hpp"

namespace kp2p {

class Publisher {
  public:
    // `root`: a directory on the file system of all files.
    explicit Publisher(std::filesystem::path root) : root_(std::move(root)) {}

    Result<void> add(TempFile file, std::filesystem::path final_path);
    Result<void> finish();

  private:
    struct Pending {
        TempFile file;
        std::filesystem::path final_path;
    };
    static constexpr std::size_t max_pending = 128;  // each holds a descriptor

    Result<void> publish_each();

    std::filesystem::path root_;
    std::vector<Pending> pending_;
};

}  // namespace kp2p
