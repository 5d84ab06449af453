#include "cmd/without_daemon.hpp"

#include <unistd.h>

#include "node/store/store.hpp"

namespace kp2p {

WithoutDaemon::WithoutDaemon(client::Command& command) : command_(command) {
    command.stand_in([this](int descriptor) { return serve(descriptor); });
}

// The client has closed its end by now.
WithoutDaemon::~WithoutDaemon() {
    if (thread_.joinable()) thread_.join();
}

// Again when the last connection has ended.
Result<void> WithoutDaemon::serve(int descriptor) {
    if (thread_.joinable()) thread_.join();
    const auto& storage = command_.config().storage_path();
    auto api = LocalApi::open(storage);
    if (!api) {
        ::close(descriptor);
        std::error_code ignored;
        if (!std::filesystem::exists(storage, ignored)) return Errc::no_daemon;
        return command_.failure(api.error(), storage_trouble());
    }
    api_ = *std::move(api);
    thread_ = std::thread([this, descriptor] { api_->serve(descriptor); });
    return ok;
}

}  // namespace kp2p
