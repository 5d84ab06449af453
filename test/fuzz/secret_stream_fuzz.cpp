// Any bytes after a good header, and any bytes at once, in pieces whose sizes are bytes of them.
#include <algorithm>

#include "proto/crypto/secret_stream.hpp"

using namespace kp2p;
using namespace kp2p::proto;

static void read(SecretReader& reader, ByteView bytes) {
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
    const SecretWriter writer({{}, {}, {}, {}, Role::responder}, StreamHeader(), stream);
    stream.insert(stream.end(), data, data + size);
    SecretReader reader(keys, 1 << 16), cold(keys, 1 << 16);
    read(reader, stream);
    read(cold, {data, size});
    return 0;
}
