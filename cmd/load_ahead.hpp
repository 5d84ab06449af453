// LoadAhead: of many files that are wanted one after the other, has the next ones loaded, many by a
// call, while the first is waited for: small files take the daemon less time than it takes to ask
// for each when the last is there.
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

    // The line that answers the next one, or says why it failed, after the lines that told of its
    // progress; nothing where it was not asked for, as a whole directory, or not answered.
    std::optional<std::string> wait(const client::Daemon::OnEvent& on_progress);

  private:
    // One is asked while the last files of the other call come.
    static constexpr std::size_t max_connections = 2;
    static constexpr std::size_t max_ahead = 512;  // answers that are kept
    static constexpr std::size_t max_of_call = 256;
    static constexpr std::size_t max_call_bytes = 32 << 10;  // of the URIs

    struct Load {
        std::optional<std::string> progress, answer;  // the last of each
        bool over = false;
    };
    struct Call {
        client::Request request;
        std::vector<std::size_t> indices = {};  // of what it asks for
    };
    void begin();
    void run();
    Call next_call();
    void take(const Call& call, const client::Answer& event);
    void end(std::size_t index);

    const client::Command& command_;
    const Wishes wishes_;
    std::stop_source stop_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<Load> loads_;             // from first_ on; a call's stay until it is over
    std::optional<std::string> remark_;  // of the daemon's, on all that it is asked
    std::size_t first_ = 0;
    std::size_t running_ = 0;  // threads
    bool begun_ = false;
    bool broken_off_ = false;  // a call was
    std::vector<std::thread> threads_;
};

}  // namespace kp2p
