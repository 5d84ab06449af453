#include "proto/byte_size.hpp"

#include <charconv>
#include <cstdio>

namespace kp2p::proto {
namespace {

constexpr std::string_view units = "kMGTP";

// Of a unit, with or without "B" behind it; 0 if there is no such unit.
double factor_of(std::string_view unit) {
    if (unit.ends_with('B')) unit.remove_suffix(1);
    if (unit.empty()) return 1;
    const std::string first(1, unit[0] == 'K' ? 'k' : unit[0]);
    const std::size_t at = units.find(first);
    const bool binary = unit.size() == 2 && unit[1] == 'i';
    if (at == units.npos || (unit.size() > 1 && !binary)) return 0;
    double factor = 1;
    for (std::size_t i = 0; i <= at; ++i) factor *= binary ? 1024 : 1000;
    return factor;
}

}  // namespace

Result<ByteSize> ByteSize::parse(std::string_view text, std::string& complaint) {
    constexpr double most = 1e18;
    double number = 0;
    const auto [stop, error] =
        std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
    std::string_view unit(stop, static_cast<std::size_t>(text.data() + text.size() - stop));
    if (unit.starts_with(' ')) unit.remove_prefix(1);
    const double bytes = number * factor_of(unit);
    const bool any = factor_of(unit) > 0 && error == std::errc() && number >= 0;
    if (any && bytes <= most) return ByteSize{static_cast<std::uint64_t>(bytes)};
    complaint = "a size is a number with or without a unit, such as 500M, 1.5GB or 20Gi";
    return Errc::usage;
}

std::string size_words(std::uint64_t bytes) {
    if (bytes < 1000) return std::to_string(bytes) + " B";
    double shown = static_cast<double>(bytes);
    std::size_t unit = 0;
    for (shown /= 1000; shown >= 999.5 && unit + 1 < units.size(); ++unit) shown /= 1000;
    char text[32];
    const int places = shown < 9.995 ? 2 : shown < 99.95 ? 1 : 0;
    std::snprintf(text, sizeof text, "%.*f %cB", places, shown, units[unit]);
    return text;
}

std::string count_words(std::uint64_t count, std::string_view thing) {
    return std::to_string(count).append(1, ' ').append(thing).append(count == 1 ? "" : "s");
}

}  // namespace kp2p::proto
