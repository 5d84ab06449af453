#include "cmd/running_storage.hpp"

#include <fstream>

#include "node/client/daemon.hpp"
#include "node/client/http/socket.hpp"
#include "proto/json.hpp"

namespace kp2p {
namespace fs = std::filesystem;

namespace {

// Of the daemon that is running, if one is.
std::optional<fs::path> served_storage(const client::Config& config) {
    constexpr std::chrono::seconds patience{1};
    const auto at = config.dir().empty() ? std::nullopt : config.api_socket();
    if (!at || !client::Socket::connect(*at, {patience})) return std::nullopt;
    std::ifstream file(config.dir() / "storage");
    std::string served;
    std::getline(file, served, '\0');
    if (served.empty()) return std::nullopt;
    return fs::path(served);
}

}  // namespace

std::optional<fs::path> storage_of_daemon(const client::Config& config, const fs::path& storage) {
    const auto served = served_storage(config);
    std::error_code error;
    if (!served || fs::equivalent(*served, storage, error) || error) return std::nullopt;
    return served;
}

void tell_daemon(const client::Config& config, const fs::path& storage,
                 std::uint64_t stored_bytes) {
    const auto served = served_storage(config);
    std::error_code error;
    if (stored_bytes == 0 || !served || !fs::equivalent(*served, storage, error)) return;
    proto::JsonWriter body;
    body.begin_object().field("bytes", stored_bytes).end_object();
    client::Daemon daemon(config);
    (void)daemon.request({"/v1/stored", "", body.take()});  // it would see to it later
}

}  // namespace kp2p
