#include "node/client/progress_bar.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <string>

#include "node/client/command.hpp"

namespace kp2p::client {
namespace {

constexpr std::size_t bar_width = 24;
constexpr double mebibyte = 1 << 20;

}  // namespace

ProgressBar::ProgressBar(const Command& command)
    : visible_(!command.quiet() && !command.json() && ::isatty(STDERR_FILENO) == 1) {}

ProgressBar::~ProgressBar() {
    if (visible_) std::fputs("\r\x1b[K", stderr);
}

double ProgressBar::rate(std::uint64_t done_bytes) {
    const auto now = std::chrono::steady_clock::now();
    if (started_ == std::chrono::steady_clock::time_point{}) {
        started_ = now;
        first_bytes_ = done_bytes;
    }
    const double seconds = std::chrono::duration<double>(now - started_).count();
    if (seconds < 0.1 || done_bytes < first_bytes_) return 0;
    return static_cast<double>(done_bytes - first_bytes_) / mebibyte / seconds;
}

void ProgressBar::show(const Progress& progress) {
    if (!visible_) return;
    if (!progress.size_bytes) {
        std::fputs("\r\x1b[Klooking for providers", stderr);
        return;
    }
    const auto done = static_cast<double>(progress.done_bytes);
    const auto size = static_cast<double>(progress.size_bytes);
    const double part = std::min(done / size, 1.0);
    std::string bar(static_cast<std::size_t>(part * bar_width), '#');
    bar.resize(bar_width, '.');
    std::fprintf(stderr, "\r\x1b[K[%s] %3.0f %%  %.1f of %.1f MiB  %.1f MiB/s  from %llu",
                 bar.c_str(), part * 100, done / mebibyte, size / mebibyte,
                 rate(progress.done_bytes), static_cast<unsigned long long>(progress.providers));
}

}  // namespace kp2p::client
