// Any datagram through the RPC decoder: what decodes encodes to something that decodes to the same.
#include "proto/dht/wire/rpc.hpp"

using namespace kp2p;
using namespace kp2p::proto::dht;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto message = decode_rpc({data, size});
    if (!message) return 0;
    const auto once = std::visit([](const auto& m) { return encode(m); }, *message);
    if (once.size() > size + 16) __builtin_trap();
    const auto again = decode_rpc(once);
    if (!again) return 0;  // grew past the limit of a datagram
    if (std::visit([](const auto& m) { return encode(m); }, *again) != once) __builtin_trap();
    return 0;
}
