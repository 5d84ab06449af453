// Any bytes after a good header, and any bytes at once, in pieces whose sizes are bytes of them.
#include <algorithm>

#include "proto/record/secret_stream.hpp"

using namespace kp2p;
using namespace kp2p::proto;

static void read(SecretOpener& reader, ByteView bytes) {
    while (!bytes.empty()) {
        const auto room = reader.room();
        const std::size_t n = std::min<std::size_t>({bytes[0] + 1u, bytes.size(), room.size()});
        std::copy_n(bytes.begin(), n, room.begin());
        reader.received(n);
        bytes = bytes.subspan(n);
        for (auto message = reader.next(); !message || *message; message = reader.next())
            if (!message) return;
    }
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const NoiseKeys keys{{}, {}, {}, {}, Role::initiator};
    BulkBytes stream;
    SecretSealer({{}, {}, {}, {}, Role::responder}, StreamHeader()).begin(stream);
    const std::size_t header_bytes = stream.size();
    stream.resize(header_bytes + size);
    std::copy_n(data, size, stream.begin() + header_bytes);
    SecretOpener reader(keys), cold(keys);
    for (SecretOpener* opener : {&reader, &cold}) opener->set_max_frame_bytes(1 << 16);
    read(reader, stream);
    read(cold, {data, size});
    return 0;
}
