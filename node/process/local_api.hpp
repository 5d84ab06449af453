// LocalApi: what lies in a storage, asked as a daemon is asked (node/api/API.md), with no daemon
// and no network: load, cat, ls, store and upload. What is not here is Errc::not_found.
#pragma once

#include <filesystem>
#include <memory>

#include "proto/result.hpp"

namespace kp2p {

class LocalApi {
  public:
    // Errors as Store::open().
    static Result<std::unique_ptr<LocalApi>> open(const std::filesystem::path& storage);
    LocalApi(const LocalApi&) = delete;
    ~LocalApi();

    // Answers the client at the other end of a Unix socket until it closes that, which cancels what
    // it asked for. Closes `descriptor`. Blocks; once.
    void serve(int descriptor);

  private:
    struct Machine;
    explicit LocalApi(std::unique_ptr<Machine> machine);

    std::unique_ptr<Machine> machine_;
};

}  // namespace kp2p
