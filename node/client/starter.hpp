// Starter: starts a daemon in the background, for a command that was allowed to where none runs. It
// outlives the command, and is stopped as any other. What it logs is appended to daemon.log in the
// configuration directory, which a start renames to daemon.log.1 once it is long.
#pragma once

#include <filesystem>
#include <stop_token>
#include <string>

#include "node/client/config.hpp"
#include "proto/result.hpp"

namespace kp2p::client {

class Starter {
  public:
    // With these flags, for a configuration of that directory.
    Starter(std::filesystem::path config_dir, Flags flags)
        : dir_(std::move(config_dir)), flags_(std::move(flags)) {}

    // Waits until it is ready. Errc::no_daemon, with the reason in `why`, when it ends before or is
    // not ready in two minutes; Errc::canceled when asked to stop, and the daemon goes on.
    Result<void> start(std::stop_token stop, std::string& why) const;

    std::filesystem::path log_path() const { return dir_ / "daemon.log"; }

  private:
    std::filesystem::path dir_;
    Flags flags_;
};

}  // namespace kp2p::client
