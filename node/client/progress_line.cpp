#include "node/client/progress_line.hpp"

#include <algorithm>
#include <cstdio>

#include "proto/byte_size.hpp"
#include "proto/utf8.hpp"

namespace kp2p::client {
namespace {

constexpr std::size_t least_name_columns = 8, most_name_columns = 32;
constexpr std::uint64_t longest_told_s = 100 * 3600;

// What is no text counts as it would be printed.
std::size_t columns_of_one(char32_t code) { return code >= 0x1100 && code < 0x20000 ? 2 : 1; }

std::string shortened(const std::string& text, std::size_t columns) {
    if (columns_of(text) <= columns) return text;
    if (columns == 0) return {};
    std::string_view rest = text;
    std::size_t used = 1;  // the mark that stands for the rest
    while (!rest.empty()) {
        std::string_view next = rest;
        const std::size_t wide = columns_of_one(proto::take_code_point(next).value_or('?'));
        if (used + wide > columns) break;
        used += wide;
        rest = next;
    }
    return text.substr(0, text.size() - rest.size()) + "\u2026";
}

std::string amount_of(const Progress& progress) {
    const std::string done = proto::size_words(progress.done_bytes);
    if (progress.size_bytes == 0) return done;
    return done + " of " + proto::size_words(progress.size_bytes);
}

}  // namespace

std::size_t columns_of(std::string_view text) {
    std::size_t columns = 0;
    while (!text.empty()) columns += columns_of_one(proto::take_code_point(text).value_or('?'));
    return columns;
}

std::string span_words(std::uint64_t seconds) {
    char text[64];
    const auto hours = static_cast<unsigned long long>(seconds / 3600);
    const auto minutes = static_cast<unsigned>(seconds / 60 % 60);
    const auto rest = static_cast<unsigned>(seconds % 60);
    if (hours > 0)
        std::snprintf(text, sizeof text, "%llu:%02u:%02u", hours, minutes, rest);
    else
        std::snprintf(text, sizeof text, "%u:%02u", minutes, rest);
    return text;
}

std::string kept_words(const Progress& progress) {
    if (progress.done_bytes == 0) return "nothing new of it had come yet";
    return amount_of(progress) + " are kept, and the same command goes on from there";
}

std::string ProgressLine::text(Time now, const Progress& progress, std::size_t width) {
    rate_.at(now, progress.done_bytes);
    std::vector<std::string> parts;
    if (progress.searches && progress.done_bytes == 0 && progress.size_bytes == 0) {
        parts.push_back("looking for providers");
    } else {
        const double done = static_cast<double>(progress.done_bytes);
        if (progress.size_bytes > 0) {
            char percent[16];
            std::snprintf(percent, sizeof percent, "%3.0f %%",
                          std::min(100.0, 100 * done / static_cast<double>(progress.size_bytes)));
            parts.push_back(percent);
        }
        parts.push_back(amount_of(progress));
        const double rate = rate_.per_second(now);
        if (rate >= 1) parts.push_back(proto::size_words(static_cast<std::uint64_t>(rate)) + "/s");
        if (rate >= 1 && progress.size_bytes > progress.done_bytes) {
            const double left = (static_cast<double>(progress.size_bytes) - done) / rate;
            if (left < longest_told_s)
                parts.push_back(span_words(static_cast<std::uint64_t>(left + 0.5)) + " left");
        }
        std::string from;
        for (const std::string& one : progress.from) from += (from.empty() ? "from " : ", ") + one;
        if (!from.empty()) parts.push_back(std::move(from));
    }
    std::size_t room = width;
    const std::size_t name_columns = std::min(columns_of(progress.name), most_name_columns);
    const std::size_t least = std::min(name_columns, least_name_columns);
    std::string rest;
    std::size_t used = 0;
    for (const std::string& part : parts) {
        const std::size_t columns = columns_of(part) + (rest.empty() && least == 0 ? 0 : 2);
        if (used + columns + least > room) break;
        used += columns;
        rest += (rest.empty() && least == 0 ? "" : "  ") + part;
    }
    return shortened(progress.name, std::min(name_columns, room - std::min(room, used))) + rest;
}

}  // namespace kp2p::client
