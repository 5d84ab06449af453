// The bytes are one datagram.
#include <cstdlib>

#include "proto/udx/packet.hpp"

using namespace kp2p;
using namespace kp2p::proto::udx;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const ByteView datagram(data, size);
    const auto packet = parse_packet(datagram);
    if (!packet) return 0;
    std::array<std::uint8_t, header_bytes> written;
    write_header(packet->header, written);
    if (!std::equal(written.begin(), written.end(), data)) std::abort();
    if (packet->payload().size() > size - header_bytes) std::abort();
    std::uint32_t sum = 0;
    for (std::size_t i = 0; i < packet->sack_ranges(); ++i) sum += packet->sack_range(i).end;
    for (std::uint8_t byte : packet->payload()) sum += byte;
    return sum == 12345 ? -1 : 0;
}
