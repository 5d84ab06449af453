// Any bytes either are refused or are a message, which is written and read back the same.
#include <cstdlib>

#include "proto/relay/blind_relay.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace kp2p::proto;
    for (std::uint64_t type = 0; type <= 1; ++type) {
        const auto message = decode_relay_message(type, {data, size});
        if (!message) continue;
        const Encoded written = encode(*message);
        const auto again = decode_relay_message(written.type, written.payload);
        if (!again || *again != *message || written.type != type) std::abort();
    }
    return 0;
}
