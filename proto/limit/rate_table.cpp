#include "proto/limit/rate_table.hpp"

#include <algorithm>

#include "proto/byte_size.hpp"
#include "proto/number.hpp"

namespace kp2p::proto {
namespace {

constexpr int minutes_per_day = 24 * 60;
constexpr std::string_view days[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};

std::string lowered(std::string_view text) {
    std::string low(text);
    for (char& c : low)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return low;
}

Result<RateTable::Rate> read_rate(std::string_view text, std::string& complaint) {
    const std::string word = lowered(text);
    if (word == "none" || word == "off") return RateTable::Rate();
    if (text.ends_with("/s")) text.remove_suffix(2);
    std::string ignored;
    const auto size = ByteSize::parse(text, ignored);
    if (size && size->bytes >= RateTable::least) return RateTable::Rate(size->bytes);
    complaint = size ? "slower than 10K is not possible: " + std::string(text)
                     : "a rate is a number of bytes a second with or without a unit, such as 800K "
                       "or 5M, or none: " +
                           std::string(text);
    return kp2p::Errc::usage;
}

// "HH:MM" as minutes of a day.
std::optional<int> read_time(std::string_view text) {
    if (text.size() != 5 || text[2] != ':') return std::nullopt;
    const auto hours = parse_number<unsigned>(text.substr(0, 2));
    const auto minutes = parse_number<unsigned>(text.substr(3));
    if (!hours || !minutes || *hours > 23 || *minutes > 59) return std::nullopt;
    return static_cast<int>(*hours * 60 + *minutes);
}

std::string_view next_word(std::string_view& rest) {
    rest.remove_prefix(std::min(rest.find_first_not_of(' '), rest.size()));
    const std::string_view word = rest.substr(0, rest.find(' '));
    rest.remove_prefix(word.size());
    return word;
}

}  // namespace

Result<void> RateTable::add(std::string_view entry, std::string& complaint) {
    const std::size_t comma = entry.find(',');
    std::string_view moment = entry.substr(0, std::min(comma, entry.size()));
    std::optional<int> day;
    if (const std::size_t dash = moment.find('-'); dash != moment.npos) {
        const auto found = std::ranges::find(days, lowered(moment.substr(0, dash)));
        if (found != std::end(days)) day = static_cast<int>(found - days);
        if (day) moment.remove_prefix(dash + 1);
    }
    const auto minute = read_time(moment);
    if (comma == entry.npos || !minute) {
        complaint =
            "a timetable has entries HH:MM,RATE or DAY-HH:MM,RATE, such as Mon-08:00,512K: " +
            std::string(entry);
        return kp2p::Errc::usage;
    }
    const auto rate = read_rate(entry.substr(comma + 1), complaint);
    if (!rate) return rate.error();
    for (int each = 0; each < 7; ++each)
        if (!day || *day == each) entries_.push_back({each * minutes_per_day + *minute, *rate});
    return ok;
}

Result<RateTable> RateTable::parse(std::string_view text, std::string& complaint) {
    RateTable table;
    table.text_.clear();
    table.entries_.clear();
    std::string_view rest = text;
    std::size_t count = 0;
    for (std::string_view word = next_word(rest); !word.empty(); word = next_word(rest)) {
        if (++count > max_entries) {
            complaint = "a timetable has at most " + std::to_string(max_entries) + " entries";
            return kp2p::Errc::usage;
        }
        const bool alone = count == 1 && word.find(',') == word.npos;
        if (alone) {
            // Of a size with a blank before its unit, too.
            const auto rate = read_rate(text, complaint);
            if (!rate) return rate.error();
            table.text_ = std::string(text);
            table.entries_ = {{0, *rate}};
            return table;
        }
        auto added = table.add(word, complaint);
        if (!added) return added.error();
        table.text_.append(table.text_.empty() ? "" : " ").append(word);
    }
    if (table.entries_.empty()) {
        complaint = "a rate is missing";
        return kp2p::Errc::usage;
    }
    // What is said later holds where two begin at once, so that a day may be an exception.
    std::ranges::stable_sort(table.entries_, {}, &Entry::minute);
    return table;
}

RateTable::Rate RateTable::at(int minute_of_week) const {
    const auto behind = std::ranges::upper_bound(entries_, minute_of_week, {}, &Entry::minute);
    return behind == entries_.begin() ? entries_.back().rate : std::prev(behind)->rate;
}

}  // namespace kp2p::proto
