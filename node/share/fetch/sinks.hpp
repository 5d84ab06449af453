// What a fetch tells and gives while it is on its way.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "node/async/asio.hpp"
#include "proto/bytes.hpp"
#include "proto/result.hpp"

namespace kp2p {

// How long an outage may last by default: when all who gave a file have gone, one of them, or
// another, is waited for.
inline constexpr std::chrono::seconds usual_outage{30}, least_outage{5};

struct FetchProgress {
    std::uint64_t verified_bytes = 0;
    std::uint64_t size_bytes = 0;   // 0 until the size is proven
    std::size_t providers = 0;      // that are giving now
    std::vector<NodeId> from = {};  // that have given something

    bool operator==(const FetchProgress&) const = default;
};
using ProgressSink = std::function<void(const FetchProgress&)>;  // at most ten times a second

struct ByteRange {
    std::uint64_t start = 0;
    std::optional<std::uint64_t> end;  // exclusive; absent: the end of the file
};
using ByteSink = std::function<Task<Result<void>>(ByteView)>;  // an error from it ends the work

}  // namespace kp2p
