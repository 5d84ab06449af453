// Any bytes as a handshake message to either side of every pattern. Nothing is ever understood,
// but a first message without any secret in it.
#include "proto/crypto/noise.hpp"

using namespace kp2p;
using namespace kp2p::proto;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const KeyPair local = KeyPair::from_seed(Seed());
    if (size == 0) return 0;
    const ByteView message(data + 1, size - 1);
    const auto pattern = static_cast<NoisePattern>(data[0] % 4);
    Noise responder({.pattern = pattern,
                     .role = Role::responder,
                     .local = local,
                     .ephemeral = local,
                     .prologue = {},
                     .remote = {}});
    const bool open = pattern == NoisePattern::nn || pattern == NoisePattern::xx;
    const bool read = bool(responder.read(message));
    if (read && !open) __builtin_trap();
    if (read) (void)responder.write(message);
    Noise initiator({.pattern = pattern,
                     .role = Role::initiator,
                     .local = local,
                     .ephemeral = local,
                     .prologue = {},
                     .remote = local.public_key()});
    if (initiator.write({}) && initiator.read(message)) __builtin_trap();
    return 0;
}
