// Config: where a command finds the configuration directory, the storage and the daemon, and what
// the daemon is told: the settings that a command uses (node/settings/setting.hpp), from its flags,
// the environment and config.json, the first of these winning. A daemon writes the port that it
// really listens on into the file api-port of its configuration directory; a command that was told
// no port by flag or environment reads it there. On the Unix socket api.sock of that directory it
// listens as well.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "node/settings/config_file.hpp"
#include "node/settings/setting.hpp"
#include "proto/result.hpp"

namespace kp2p::client {

// A configuration directory is looked for only when it is used, so that where there is no HOME a
// command that can do without does.
using kp2p::Needs;

// What the command line says: the texts of each flag that was given.
using Flags = std::map<std::string, Texts, std::less<>>;

// Looks up one variable; tests pass their own. That of the process knows HOME where it is not set,
// as the shell's ~ does.
using Environment = std::function<std::optional<std::string>(const std::string& name)>;
std::optional<std::string> process_environment(const std::string& name);

class Config {
  public:
    // Errc::usage, with the reason in `why`, for a value that does not fit its setting (it names
    // the flag, the variable, or the file and its key), for a malformed config.json, or when
    // nothing says where the configuration directory is.
    static Result<Config> resolve(Needs needs, const Flags& flags, const Environment& environment,
                                  std::string& why);

    // Those that the command uses; the others are as they were made.
    const Settings& settings() const { return settings_; }
    const std::filesystem::path& dir() const { return settings_.config_dir; }
    // The port at which a command finds the daemon of this configuration.
    std::uint16_t daemon_port() const;
    // Nobody says so, no daemon either: it is the usual one, where that of another user may be.
    bool is_port_guessed() const;
    // The Unix socket at which a command finds it instead: the one that was named, or, unless it
    // was told another port, that of the configuration directory.
    std::optional<std::filesystem::path> api_socket() const;
    // The token that the daemon of this configuration asks for; empty if there is none yet.
    std::string api_token() const;
    // Makes the default storage directory if it is missing. One that was named must exist:
    // Errc::storage_unavailable.
    Result<std::filesystem::path> storage_dir() const;
    const std::filesystem::path& storage_path() const { return storage_dir_; }  // unchecked
    bool is_storage_usual() const { return storage_is_usual_; }                 // nobody named one
    // Before anything is made in it: Errc::storage_unavailable, and `why`, where it was unmounted
    // since it was last used. If not, where it is mounted now is remembered.
    Result<void> check_mount(std::string& why) const;
    // What is odd and no error, a sentence each.
    const std::vector<std::string>& remarks() const { return remarks_; }

  private:
    std::optional<std::uint16_t> api_port_file() const;

    Settings settings_;
    std::filesystem::path storage_dir_;
    bool storage_is_usual_ = false;
    bool told_port_ = false;  // by flag or environment
    std::vector<std::string> remarks_;
};

}  // namespace kp2p::client
