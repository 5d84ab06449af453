// What the calls that load have in common: what they are asked, and the lines they tell.
#pragma once

#include <optional>
#include <string>
#include <system_error>

#include "node/api/call.hpp"
#include "node/async/clock.hpp"
#include "node/share/share.hpp"

namespace kp2p {

// How long the call waits when all who gave the file have gone.
Result<Clock::Span> outage_of(Call& call);

std::string progress_line(const FetchProgress& progress);

// Of a load that somebody has ended from outside.
inline constexpr const char* called_off =
    "it was called off elsewhere, as by kp2p-transfers; what came is kept";

// Which progress a client is told of: what is new, and else, as a sign of life, one a second.
class News {
  public:
    explicit News(Clock& clock) : clock_(clock) {}
    bool is_due(const FetchProgress& progress);

  private:
    Clock& clock_;
    std::optional<FetchProgress> told_;
    Clock::Time told_at_ = {};
};

}  // namespace kp2p
