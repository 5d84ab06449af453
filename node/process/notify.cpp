#include "node/process/notify.hpp"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>

namespace kp2p {

void notify_service_manager(std::string_view state) {
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
    (void)::sendto(socket, state.data(), state.size(), 0, reinterpret_cast<sockaddr*>(&to), length);
    ::close(socket);
}

}  // namespace kp2p
