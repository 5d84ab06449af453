// Any bytes either are refused or are candidates, which are written and read back the same.
#include <cstdlib>

#include "proto/paths/candidates.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace kp2p::proto;
    const auto candidates = decode_candidates(0, {data, size});
    if (!candidates) return 0;
    const auto again = decode_candidates(0, encode(*candidates).payload);
    if (!again || *again != *candidates || candidates->size() > max_candidates) std::abort();
    return 0;
}
