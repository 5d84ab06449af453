// heeding: waits for `work`, which hears from one place or not at all, and asks beside it whether
// what is sent there is rejected. What is heard of that is in `heard` afterwards.
#pragma once

#include "node/async/timeout.hpp"
#include "node/net/datagrams.hpp"
#include "node/reach/approach.hpp"

namespace kp2p {

// Until cancelled.
Task<Result<void>> heed(Clock& clock, Datagrams& socket, Endpoint to,
                        std::optional<Rejection>& heard);

template <class T>
Task<Result<T>> heeding(Clock& clock, Datagrams& socket, Endpoint to,
                        std::optional<Rejection>& heard, Task<Result<T>> work) {
    auto ends = co_await first_of(std::move(work), heed(clock, socket, to, heard));
    co_return std::move(ends.first);
}

// The finding, of silence at `to`, becomes one of what was heard; of nothing, it stays.
void tell(const std::optional<Rejection>& heard, const Endpoint& to, Finding& finding);

// An approach to the place that its failure names, which fails when nothing comes from there.
Approach heeding_approach(const Greeted& greeted, Approach approach);

}  // namespace kp2p
