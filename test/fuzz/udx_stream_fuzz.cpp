// The bytes are steps of a stream's life: one says what happens and how long after the last, one
// how many follow, which are a packet, or the body of one whose header they begin with.
#include <cstdlib>

#include "proto/udx/stream.hpp"

using namespace kp2p::proto::udx;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Stream stream(1, {.receive_window_bytes = 65536});
    Time now = Time(std::chrono::hours(1));
    kp2p::ByteVector out(3000);
    for (kp2p::ByteView rest(data, size); rest.size() >= 5;) {
        const std::uint8_t what = rest[0], a = rest[2], b = rest[3], c = rest[4];
        const auto bytes = rest.subspan(2, std::min<std::size_t>(rest[1] + 3, rest.size() - 2));
        rest = rest.subspan(2 + bytes.size());
        now += std::chrono::milliseconds((what & 7) * (what & 7) * 10);
        const Header header{.flags = a, .window_bytes = a * 999u, .seq = b, .ack = c};
        const Packet packet{.header = header, .body = bytes.subspan(3)};
        if (what & 8) stream.receive(now, packet);
        if (const auto whole = parse_packet(bytes)) stream.receive(now, *whole);
        const bool elsewhere = what & 4 && stream.connected() && (rest.size() & 1);
        if (elsewhere) stream.receive(now, packet, stream.discover({.id = 2}));
        if (what & 16 && stream.writable()) stream.write(now, kp2p::ByteVector(a * 40u));
        if (what & 32 && !stream.connected()) stream.connect(now, {.id = 2});
        if (what == 64) stream.end(now);
        if (what == 65 && stream.connected()) stream.change_remote(now, {.id = 3});
        if (what == 66 && stream.connected()) stream.try_remote(now, {.id = 3});
        if (what & 128) stream.expire(stream.deadline().value_or(now));
        while (stream.next_burst(now)) continue;
        if (stream.readable_bytes() + stream.read(out) > 700'000) std::abort();
    }
    return 0;
}
