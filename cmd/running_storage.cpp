#include "cmd/running_storage.hpp"

#include <fstream>

#include "node/client/http/socket.hpp"

namespace kp2p {
namespace fs = std::filesystem;

std::optional<fs::path> storage_of_daemon(const client::Config& config, const fs::path& storage) {
    constexpr std::chrono::seconds patience{1};
    const auto at = config.dir().empty() ? std::nullopt : config.api_socket();
    if (!at || !client::Socket::connect(*at, {patience})) return std::nullopt;  // none is running
    std::ifstream file(config.dir() / "storage");
    std::string served;
    std::getline(file, served, '\0');
    std::error_code error;
    if (served.empty() || fs::equivalent(served, storage, error) || error) return std::nullopt;
    return fs::path(served);
}

}  // namespace kp2p
