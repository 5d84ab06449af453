// Outage: has a call go on with the next daemon when this one ends, as it does for an upgrade, if
// the user lets it wait. It asks again for as long after the end of one, or after something last
// came. Errors: what was asked last; Errc::no_daemon, with words for the command: none came.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "node/client/command.hpp"
#include "node/client/daemon.hpp"
#include "proto/duration.hpp"

namespace kp2p {

// Of --wait.
inline constexpr const char* wait_help =
    "when all who gave it have gone, wait so long: 90s, 15m, 2h, 1d (30s; least 5s); as long, if "
    "given, for another daemon when this one ends";

class Outage {
  public:
    Outage(client::Command& command, client::Daemon& daemon,
           const std::optional<proto::Duration>& wait)
        : command_(command), daemon_(daemon), wait_(wait) {}

    // What `ask` gives, which says with saw() how much of all there is here.
    template <class Ask>
    auto outlast(const Ask& ask) -> decltype(ask()) {
        for (;;) {
            auto answer = ask();
            if (answer || !is_outage(answer.error())) return answer;
            if (auto another = another_daemon(); !another) return another.error();
        }
    }
    void saw(std::uint64_t bytes);

  private:
    bool is_outage(std::error_code error);
    Result<void> another_daemon();

    client::Command& command_;
    client::Daemon& daemon_;
    const std::optional<proto::Duration> wait_;
    std::uint64_t most_bytes_ = 0;
    std::optional<std::chrono::steady_clock::time_point> until_;
};

}  // namespace kp2p
