// Any bytes either are refused or are a message of kp2p/paths/1, which is written and read back the
// same.
#include <cstdlib>

#include "proto/paths/candidates.hpp"
#include "proto/paths/label.hpp"
#include "proto/paths/relay_urls.hpp"

using namespace kp2p::proto;

namespace {

void check(bool holds) {
    if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (const auto candidates = decode_candidates(0, {data, size})) {
        const auto again = decode_candidates(0, encode(*candidates).payload);
        check(again && *again == *candidates && candidates->size() <= max_candidates);
    }
    if (const auto urls = decode_relay_urls(1, {data, size})) {
        const auto again = decode_relay_urls(1, encode_relay_urls(*urls).payload);
        check(again && *again == *urls && urls->size() <= max_relay_urls);
    }
    if (const auto label = decode_label(2, {data, size})) {
        const auto again = decode_label(2, encode(*label).payload);
        check(again && *again == *label && label->text().size() <= kp2p::NodeLabel::max_bytes);
    }
    return 0;
}
