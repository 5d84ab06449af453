#include "node/log/limiter.hpp"

#include <algorithm>

namespace kp2p {
namespace {

std::string kind_of(const LogLine& line) {
    std::string kind = line.room + ':';
    std::string_view rest = line.text;
    while (!rest.empty()) {
        const std::size_t end = std::min(rest.find(' ') + 1, rest.size());
        const std::string_view word = rest.substr(0, end == 0 ? rest.size() : end);
        const bool varies = word.find_first_of("0123456789") != word.npos;
        kind += varies ? "# " : word;
        rest.remove_prefix(word.size());
    }
    return kind;
}

}  // namespace

LogLimiter::Kind& LogLimiter::kind(Time now, const LogLine& line) {
    const std::string name = kind_of(line);
    if (const auto found = kinds_.find(name); found != kinds_.end()) return found->second;
    if (kinds_.size() >= max_kinds)
        std::erase_if(kinds_, [&](const auto& entry) {
            return entry.second.held_back == 0 && entry.second.paid_until <= now;
        });
    return kinds_[kinds_.size() < max_kinds ? name : std::string()];
}

bool LogLimiter::admits(Time now, const LogLine& line) {
    if (line.level == LogLevel::error) return true;
    Kind& kind = this->kind(now, line);
    kind.paid_until = std::max(kind.paid_until, now);
    if (kind.paid_until - now <= (burst - 1) * pace) {
        kind.paid_until += pace;
        return true;
    }
    if (kind.held_back++ == 0) kind.say_at = now + summary_span;
    kind.last = line;
    return false;
}

std::vector<LogLine> LogLimiter::summaries(Time now, bool all) {
    std::vector<LogLine> lines;
    for (auto& [name, kind] : kinds_) {
        if (kind.held_back == 0 || (kind.say_at > now && !all)) continue;
        kind.last.text =
            std::to_string(kind.held_back) + " more like this, the last: " + kind.last.text;
        lines.push_back(std::move(kind.last));
        kind.held_back = 0;
    }
    return lines;
}

std::optional<LogLimiter::Time> LogLimiter::deadline() const {
    std::optional<Time> next;
    for (const auto& [name, kind] : kinds_)
        if (kind.held_back > 0 && (!next || kind.say_at < *next)) next = kind.say_at;
    return next;
}

}  // namespace kp2p
