#include "cmd/without_daemon.hpp"

#include <unistd.h>

#include <system_error>

#include "node/client/hang_watch.hpp"
#include "node/store/store.hpp"
#include "node/threads/thread.hpp"
#include "proto/outcome.hpp"

namespace kp2p {
namespace {

// What is thrown has nowhere to go from a thread; the client sees the end of the stream.
void serve_quietly(LocalApi& api, int descriptor) {
    try {
        api.serve(descriptor);
    } catch (...) {
    }
}

}  // namespace

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
    std::optional<client::Waiting> waiting(storage.string());
    std::string why;
    if (auto there = command_.config().check_mount(why); !there) {
        ::close(descriptor);
        return command_.failure(there.error(), why);
    }
    auto api = LocalApi::open(storage);
    waiting.reset();
    if (!api) {
        ::close(descriptor);
        std::error_code ignored;
        if (!std::filesystem::exists(storage, ignored))
            return command_.failure(Errc::no_daemon, "there is no storage either, " +
                                                         storage.string() +
                                                         "; kp2p-start-daemon starts a daemon");
        return command_.failure(api.error(), storage_trouble());
    }
    api_ = *std::move(api);
    try {
        thread_ = start_thread([this, descriptor] { serve_quietly(*api_, descriptor); });
    } catch (const std::system_error&) {  // the system's limit of threads
        ::close(descriptor);
        return command_.failure(Errc::failed, "no more threads can be had (ulimit -u, or -v)");
    }
    return ok;
}

}  // namespace kp2p
