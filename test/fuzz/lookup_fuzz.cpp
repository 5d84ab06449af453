// A type and any payload as a lookup message: what is understood survives a round trip.
#include "proto/lookup/lookup.hpp"

using namespace kp2p;
using namespace kp2p::proto;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const auto message = decode_lookup(data[0], ByteView(data + 1, size - 1));
    if (!message) return 0;
    const Encoded encoded = encode(*message);
    const auto again = decode_lookup(encoded.type, encoded.payload);
    if (!again || *again != *message) __builtin_trap();
    return 0;
}
