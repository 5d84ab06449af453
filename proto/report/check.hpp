// Check: one thing that the doctor looked at: what it saw, whether that is well, and what to do.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace kp2p {

enum class Health { ok, warning, problem };

struct Check {
    std::string section;  // "nat", "storage"
    Health health = Health::ok;
    std::string message;  // what was seen, a sentence without a full stop
    std::string advice;   // the same, what to do; empty only where all is well

    bool operator==(const Check&) const = default;
};

using Checks = std::vector<Check>;

constexpr std::string_view name_of(Health health) {
    constexpr std::string_view names[] = {"ok", "warning", "problem"};
    return names[static_cast<std::size_t>(health)];
}

}  // namespace kp2p
