// LoadAhead: of many files that are wanted one after the other, has the next ones loaded, over
// connections of their own, while the first is waited for: small files take the daemon less time
// than it takes to ask for each when the last is there.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "cmd/dest/delivery.hpp"
#include "node/client/command.hpp"
#include "node/client/daemon.hpp"
#include "proto/duration.hpp"
#include "proto/file/uri.hpp"

namespace kp2p {

class LoadAhead {
  public:
    struct Wishes {
        std::span<const proto::Uri> uris;
        Naming naming;
        std::optional<proto::Duration> wait;
    };
    // Begins with the first wait(). What is wished for must outlive it.
    LoadAhead(const client::Command& command, const Wishes& wishes)
        : command_(command), wishes_(wishes) {}
    LoadAhead(const LoadAhead&) = delete;
    ~LoadAhead();  // calls off what is not here

    // The line that answers the next one, after the lines that told of its progress; nothing where
    // it failed, who asks again being told why, or is a whole directory.
    std::optional<std::string> wait(const client::Daemon::OnEvent& on_progress);

  private:
    static constexpr std::size_t max_connections = 16;
    static constexpr std::size_t max_ahead = 256;  // answers that are kept

    struct Load {
        std::optional<std::string> progress, answer;  // the last of each
        bool over = false;
    };
    void begin();
    void run();

    const client::Command& command_;
    const Wishes wishes_;
    std::stop_source stop_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<Load> loads_;  // from first_ on
    std::size_t first_ = 0;
    std::size_t running_ = 0;  // threads
    bool begun_ = false;
    std::vector<std::thread> threads_;
};

}  // namespace kp2p
