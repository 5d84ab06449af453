// WithoutDaemon: lets a command that needs no network ask the storage itself where no daemon runs.
// Construct it before the command runs; it waits for its thread when it goes.
#pragma once

#include <memory>
#include <thread>

#include "node/client/command.hpp"
#include "node/process/local_api.hpp"

namespace kp2p {

class WithoutDaemon {
  public:
    explicit WithoutDaemon(client::Command& command);
    WithoutDaemon(const WithoutDaemon&) = delete;
    ~WithoutDaemon();

  private:
    Result<void> serve(int descriptor);

    client::Command& command_;
    std::unique_ptr<LocalApi> api_;
    std::thread thread_;
};

}  // namespace kp2p
