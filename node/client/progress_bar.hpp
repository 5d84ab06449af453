// ProgressBar: one line on a terminal that says how far a download is; nothing when stderr is no
// terminal, or with --quiet or --json. Gone when destroyed.
#pragma once

#include <chrono>
#include <cstdint>

namespace kp2p::client {

class Command;

class ProgressBar {
  public:
    explicit ProgressBar(const Command& command);
    ProgressBar(const ProgressBar&) = delete;
    ProgressBar& operator=(const ProgressBar&) = delete;
    ~ProgressBar();

    struct Progress {
        std::uint64_t done_bytes = 0;
        std::uint64_t size_bytes = 0;  // 0: not known yet
        std::uint64_t providers = 0;
    };
    void show(const Progress& progress);

  private:
    double rate(std::uint64_t done_bytes);

    bool visible_;
    std::chrono::steady_clock::time_point started_{};
    std::uint64_t first_bytes_ = 0;  // what was there when the first progress came
};

}  // namespace kp2p::client
