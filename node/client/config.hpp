// Config: where a command finds the configuration directory, the storage and the daemon.
// Flags win over the environment, the environment over config.json, that over the defaults:
//   --config-dir   KACHERY_P2P_CONFIG_DIR                  ~/.kachery-p2p
//   --storage-dir  KACHERY_STORAGE_DIR      "storage_dir"  ~/kachery-storage
//   --api-port     KACHERY_P2P_API_PORT     "api_port"     20431
// A daemon writes the port that it really listens on into the file api-port of its configuration
// directory; a command that was told no port by flag or environment reads it there. On the Unix
// socket api.sock of that directory it listens as well.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "proto/result.hpp"

namespace kp2p::client {

// What of all this a command uses: nothing, the storage, the daemon, or, being the node, both. A
// configuration directory is looked for only when it is used, so that where there is no HOME a
// command that can do without does.
enum class Needs { nothing, storage, daemon, node };

inline constexpr std::uint16_t default_api_port = 20431;

struct Flags {
    std::optional<std::string> config_dir = {};
    std::optional<std::string> storage_dir = {};
    std::optional<std::uint16_t> api_port = {};
};

// Looks up one variable; tests pass their own.
using Environment = std::function<std::optional<std::string>(const std::string& name)>;
std::optional<std::string> process_environment(const std::string& name);

class Config {
  public:
    // Errc::usage, with the reason in `why`, for a malformed variable or config.json, or when
    // nothing says where the configuration directory is.
    static Result<Config> resolve(Needs needs, const Flags& flags, const Environment& environment,
                                  std::string& why);

    const std::filesystem::path& dir() const { return dir_; }
    // The port that a daemon started with this configuration listens on; 0 means any.
    std::uint16_t api_port() const { return told_port_.value_or(default_port_); }
    // The port at which a command finds the daemon of this configuration.
    std::uint16_t daemon_port() const;
    // The Unix socket at which a command finds it instead, unless it was told another port.
    std::optional<std::filesystem::path> api_socket() const;
    // The token that the daemon of this configuration asks for; empty if there is none yet.
    std::string api_token() const;
    // Makes the default storage directory if it is missing. One that was named must exist:
    // Errc::storage_unavailable.
    Result<std::filesystem::path> storage_dir() const;
    const std::filesystem::path& storage_path() const { return storage_dir_; }  // unchecked

    // Of config.json alone; what a daemon starts with when its flags do not say otherwise.
    const std::optional<std::string>& host() const { return host_; }
    const std::optional<std::uint16_t>& port() const { return port_; }
    const std::vector<std::string>& bootstrap() const { return bootstrap_; }

  private:
    void name_storage(std::filesystem::path dir);
    Result<void> read_file(std::string& why);

    std::filesystem::path dir_, storage_dir_;
    bool storage_named_ = false;
    std::optional<std::uint16_t> told_port_;  // by flag or environment
    std::uint16_t default_port_ = default_api_port;
    std::optional<std::string> host_;
    std::optional<std::uint16_t> port_;
    std::vector<std::string> bootstrap_;
};

}  // namespace kp2p::client
