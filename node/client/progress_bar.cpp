#include "node/client/progress_bar.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "node/client/command.hpp"

namespace kp2p::client {
namespace {

constexpr std::chrono::milliseconds drawn_span{100};
constexpr std::chrono::seconds plain_span{10};
constexpr std::size_t usual_width = 80;

// One column is left free, as some terminals begin a new line behind the last.
std::size_t width_of_terminal() {
    winsize size{};
    const bool told = ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
    return (told ? size.ws_col : usual_width) - 1;
}

// A job in the background would draw on what its user types, and be stopped where the terminal
// stops those that write (stty tostop).
bool is_in_background() {
    const pid_t front = ::tcgetpgrp(STDERR_FILENO);
    return front >= 0 && front != ::getpgrp();
}

}  // namespace

ProgressBar::ProgressBar(Command& command) : command_(command) {
    const char* terminal = std::getenv("TERM");
    const bool dumb = !terminal || !*terminal || std::string_view(terminal) == "dumb";
    if (!command.quiet() && !command.json() && ::isatty(STDERR_FILENO) == 1)
        kind_ = dumb ? Kind::plain : Kind::drawn;
    command_.before_output([this] { erase(); });
}

ProgressBar::~ProgressBar() {
    command_.before_output({});
    erase();
}

void ProgressBar::erase() {
    if (std::exchange(there_, false) && !is_in_background()) std::fputs("\r\x1b[K", stderr);
}

void ProgressBar::show(const Progress& progress) {
    last_ = progress;
    if (kind_ == Kind::none) return;
    const Time now = std::chrono::steady_clock::now();
    const std::string text = line_.text(now, progress, width_of_terminal());
    const bool drawn = kind_ == Kind::drawn;
    if (shown_ != Time{} && now - shown_ < (drawn ? drawn_span : plain_span)) return;
    if (is_in_background()) return;
    shown_ = now;
    there_ = drawn;
    std::fprintf(stderr, drawn ? "\r%s\x1b[K" : "%s\n", text.c_str());
}

}  // namespace kp2p::client
