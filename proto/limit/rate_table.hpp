// RateTable: how many bytes a second something may take: always the same, or by the hour of the
// day or the week. RateLimits: those of a node's transfers.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proto/outcome.hpp"
#include "proto/result.hpp"

namespace kp2p::proto {

class RateTable {
  public:
    using Rate = std::optional<std::uint64_t>;  // bytes a second; absent: as fast as it goes
    static constexpr int minutes_per_week = 7 * 24 * 60;
    // What is slower would look to others like a node that has stopped.
    static constexpr std::uint64_t least = 10'000;
    static constexpr std::size_t max_entries = 64;

    RateTable() = default;  // none, ever
    // "5M", "800K/s", "none"; or entries "[DAY-]HH:MM,RATE" with blanks between them, each of which
    // holds from then on: "08:00,512K 19:00,none Sat-00:00,none". Errc::usage, with what is wrong
    // in `complaint`.
    static Result<RateTable> parse(std::string_view text, std::string& complaint);

    // At so many minutes after Sunday, 00:00.
    Rate at(int minute_of_week) const;
    bool limits() const {  // ever
        return std::ranges::any_of(entries_,
                                   [](const Entry& entry) { return entry.rate.has_value(); });
    }
    bool changes() const { return entries_.size() > 1; }
    const std::string& text() const { return text_; }  // as parse() takes it

  private:
    struct Entry {
        int minute;  // of the week
        Rate rate;
    };
    Result<void> add(std::string_view entry, std::string& complaint);

    std::vector<Entry> entries_ = {{0, std::nullopt}};  // by minute; the last holds until the first
    std::string text_ = "none";
};

struct RateLimits {
    RateTable up, down;
    bool in_lan = true;  // they hold for nodes in the LAN, too
};

}  // namespace kp2p::proto
