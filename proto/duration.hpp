// Duration: a time as people write it: "90", "90s", "15m", "2h", "1d".
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "proto/number.hpp"
#include "proto/outcome.hpp"
#include "proto/result.hpp"

namespace kp2p::proto {

struct Duration {
    std::chrono::seconds span{0};

    static constexpr std::chrono::hours longest{30 * 24};

    static Result<Duration> parse(std::string_view text, std::string& complaint) {
        constexpr std::string_view units = "smhd";
        constexpr std::int64_t unit_seconds[] = {1, 60, 3600, 86400};
        std::int64_t unit = 1;
        if (const auto at = text.empty() ? units.npos : units.find(text.back()); at != units.npos) {
            unit = unit_seconds[at];
            text.remove_suffix(1);
        }
        const auto number = parse_number<std::int64_t>(text);
        if (number && *number >= 0 && *number <= std::chrono::seconds(longest).count() / unit)
            return Duration{std::chrono::seconds(*number * unit)};
        complaint = "not a time like 90s, 15m, 2h or 1d, of 30 days at most";
        return kp2p::Errc::usage;
    }
};

}  // namespace kp2p::proto
