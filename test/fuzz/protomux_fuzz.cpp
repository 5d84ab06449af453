// The bytes are frames for a mux, each behind one byte of size and one that says what we do then:
// open a channel, reject, close or send.
#include <algorithm>

#include "proto/mux/mux.hpp"

using namespace kp2p;
using namespace kp2p::proto;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Mux mux;
    std::optional<ChannelId> ours = mux.open({"test", {}}, {});
    for (ByteView rest(data, size); rest.size() >= 2;) {
        const std::size_t length = std::min<std::size_t>(rest[0], rest.size() - 2);
        if (rest[1] & 1 && !ours) ours = mux.open({"a", {}}, rest.subspan(2, length));
        if (rest[1] & 2) mux.reject(RemoteChannelId{1});
        if (rest[1] & 4 && ours) mux.send(*ours, rest[1], rest.subspan(2, length));
        if (rest[1] & 8 && ours) mux.close(*std::exchange(ours, std::nullopt));
        if (mux.consumed()) mux.receive(rest.subspan(2, length));
        for (auto event = mux.next_event(); !event || *event; event = mux.next_event()) {
            if (!event) return 0;
            const auto* closed = std::get_if<ChannelClosed>(&**event);
            if (closed && closed->channel == ours) ours.reset();
        }
        if (rest[1] & 16)
            while (mux.next_frame()) continue;
        rest = rest.subspan(2 + length);
    }
    return 0;
}
