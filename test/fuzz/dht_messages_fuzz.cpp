// Any bytes through the decoder of every HyperDHT value: what decodes survives a round trip.
#include "proto/dht/wire/address.hpp"
#include "proto/dht/wire/messages.hpp"
#include "proto/dht/wire/secure_payload.hpp"

using namespace kp2p;
using namespace kp2p::proto::dht;

namespace {

template <class... Messages>
void round_trip(ByteView bytes) {
    const auto check = [](const auto& message) {
        if (!message) return;
        const auto again = message->decode(message->encode());
        if (!again || !(*again == *message)) __builtin_trap();
    };
    (check(Messages::decode(bytes)), ...);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    round_trip<PeerRecord, Announce, LookupReply, MutablePut, MutableReply, PluginRequest,
               PeerHandshake, PeerHolepunch, HolepunchPayload, HyperdhtAddress>({data, size});
    const auto noise = NoisePayload::decode({data, size});
    if (noise && noise->version == 1) round_trip<NoisePayload>(noise->encode());
    (void)open(HolepunchSecret(), {data, size});
    return 0;
}
