#include "cmd/running_storage.hpp"

#include <fstream>

#include "node/client/daemon.hpp"
#include "node/client/http/socket.hpp"
#include "proto/json.hpp"

namespace kp2p {
namespace fs = std::filesystem;

std::optional<ServedStorage> served_storage(const client::Config& config, const fs::path& ours) {
    constexpr std::chrono::seconds patience{1};
    const auto at = config.dir().empty() ? std::nullopt : config.api_socket();
    if (!at || !client::Socket::connect(*at, {patience})) return std::nullopt;
    std::ifstream file(config.dir() / "storage");
    std::string path;
    std::getline(file, path, '\0');
    std::error_code error;
    const bool is_ours = fs::equivalent(path, ours, error);
    if (path.empty() || error) return std::nullopt;
    return ServedStorage{path, is_ours};
}

void tell_daemon(const client::Config& config, std::uint64_t stored_bytes) {
    proto::JsonWriter body;
    body.begin_object().field("bytes", stored_bytes).end_object();
    client::Daemon daemon(config);
    (void)daemon.request({"/v1/stored", "", body.take()});  // it would see to it later
}

}  // namespace kp2p
