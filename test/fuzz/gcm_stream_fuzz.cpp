// Any bytes after a good first record, and any bytes at once, in pieces whose sizes are bytes of
// them. Nothing of it is ever a message.
#include <algorithm>

#include "proto/record/gcm_stream.hpp"

using namespace kp2p;
using namespace kp2p::proto;

static void read(GcmOpener& opener, ByteView bytes) {
    while (!bytes.empty()) {
        const auto room = opener.room();
        const std::size_t n = std::min<std::size_t>({bytes[0] + 1u, bytes.size(), room.size()});
        std::copy_n(bytes.begin(), n, room.begin());
        opener.received(n);
        bytes = bytes.subspan(n);
        const auto message = opener.next();
        if (message && *message) __builtin_trap();
    }
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const NoiseKeys keys{{}, {}, {}, {}, Role::initiator};
    BulkBytes stream;
    GcmSealer({{}, {}, {}, {}, Role::responder}).begin(stream);
    const std::size_t first_bytes = stream.size();
    stream.resize(first_bytes + size);
    std::copy_n(data, size, stream.begin() + first_bytes);
    GcmOpener opener(keys), cold(keys);
    for (GcmOpener* each : {&opener, &cold}) each->set_max_frame_bytes(1 << 16);
    read(opener, stream);
    read(cold, {data, size});
    return 0;
}
