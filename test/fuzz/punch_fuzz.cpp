// Both machines of a hole punch, fed with the other side's payloads, u16 length each, between
// probes, samples and time: whatever it says, they send a known number of probes and end.
#include "proto/punch/client.hpp"
#include "proto/punch/server.hpp"

using namespace kp2p;
using namespace kp2p::proto::punch;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
    Time now(std::chrono::hours(1));
    Budget budget(now);
    const Endpoint peer{{7, 7, 7, 7}, 700}, relay{{5, 5, 5, 5}, 5};
    Client client(now,
                  {.budget = budget, .server = peer, .relay = relay, .said_relay = {relay, peer}});
    Server server(now, {.budget = budget});
    std::size_t sent = 0;
    const auto drain = [&] {
        while (const auto action = client.next_action())
            sent += std::get_if<Probe>(&*action) != nullptr;
        while (const auto action = server.next_action())
            sent += std::get_if<Probe>(&*action) != nullptr;
    };
    const ByteView data(bytes, size);
    for (std::size_t at = 0; at + 2 <= size;) {
        const std::size_t which = data[at];
        const std::size_t length = std::min<std::size_t>(data[at + 1], size - at - 2);
        const Endpoint seen{{1, 1, 1, 1}, static_cast<std::uint16_t>(which & 2 ? 9 : 1000 + at)};
        const Endpoint referrer{{9, 9, 9, 9}, static_cast<std::uint16_t>(at)};
        client.sampled(now, {seen, referrer});
        server.sampled(now, {seen, referrer});
        if (auto payload = proto::dht::HolepunchPayload::decode(data.subspan(at + 2, length))) {
            client.replied(now, {*payload, peer, seen});
            server.received(now, {.ticket = at,
                                  .payload = *payload,
                                  .client = peer,
                                  .relay = relay,
                                  .ours = (which & 1) != 0,
                                  .to = seen});
        }
        server.probed(now, which & 3, peer);
        now += std::chrono::milliseconds(which * 8);
        client.expire(now);
        server.expire(now);
        drain();
        at += 2 + length;
    }
    const double spent = std::chrono::duration<double>(now - Time(std::chrono::hours(1))).count();
    const double limit = 1000 + 500 * spent + 16.0 * double(size);
    if (double(sent) > limit) __builtin_trap();
    return 0;
}
