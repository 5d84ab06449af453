#include "node/process/notify.hpp"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <optional>

#include "proto/number.hpp"

namespace kp2p {
namespace {

using namespace std::chrono_literals;

constexpr Clock::Span status_interval = 5s;

// That must not pass between two signs of life; nothing if none are wanted of this process.
std::optional<std::chrono::microseconds> watchdog_span() {
    const char* span = std::getenv("WATCHDOG_USEC");
    const char* process = std::getenv("WATCHDOG_PID");
    if (!span || (process && process != std::to_string(::getpid()))) return std::nullopt;
    const auto microseconds = parse_number<std::uint64_t>(span);
    if (!microseconds || *microseconds == 0 || *microseconds > 1'000'000'000'000)
        return std::nullopt;
    return std::chrono::microseconds(*microseconds);
}

void tell(std::string_view state, int flags) {
    const char* name = std::getenv("NOTIFY_SOCKET");
    if (!name) return;
    const std::string_view path(name);
    sockaddr_un to{};
    if (path.empty() || path.size() >= sizeof to.sun_path) return;
    to.sun_family = AF_UNIX;
    path.copy(to.sun_path, path.size());
    if (to.sun_path[0] == '@') to.sun_path[0] = '\0';  // Linux's abstract names
    const int socket = ::socket(AF_UNIX, SOCK_DGRAM, 0);
    if (socket < 0) return;
    const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
    // Nobody can be told when this fails.
    (void)::sendto(socket, state.data(), state.size(), flags, reinterpret_cast<sockaddr*>(&to),
                   length);
    ::close(socket);
}

}  // namespace

bool has_service_manager() { return std::getenv("NOTIFY_SOCKET") != nullptr; }

void notify_service_manager(std::string_view state) { tell(state, 0); }

Task<> keep_service_manager_informed(Clock& clock, std::function<std::string()> status) {
    if (!has_service_manager()) co_return;
    const auto span = watchdog_span();
    const Clock::Span interval =
        span ? std::min<Clock::Span>(*span / 2, status_interval) : status_interval;
    std::string said;
    for (;;) {
        std::string state = span ? "WATCHDOG=1\n" : "";
        std::string words = status();
        if (words != said) state += "STATUS=" + words + '\n';
        said = std::move(words);
        if (!state.empty()) tell(state, MSG_DONTWAIT);
        auto slept = co_await clock.sleep_for(interval);
        if (!slept) co_return;
    }
}

}  // namespace kp2p
