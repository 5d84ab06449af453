// A persistent node fed with datagrams, u16 length each, from two sources: it answers each with at
// most a few, and asks little itself. Its secrets are those of the scripted conversation in the
// vectors, so that their tokens and signatures are good. Once it trusts its sources, once it does
// not: then what it holds back may leave at once when one is proven.
#include "proto/dht/node/node.hpp"

using namespace kp2p;
using namespace kp2p::proto::dht;

namespace {

void converse(ReplyBudget::Sources sources, int max_sent, ByteView data) {
    const Time now(std::chrono::hours(1));
    Node::Setup setup;
    for (auto& byte : setup.server.token_secrets[0].mutable_view()) byte = 0x51;
    for (auto& byte : setup.server.token_secrets[1].mutable_view()) byte = 0x52;
    setup.server.sources = sources;
    Node node(now, setup);
    node.set_reach(Reach::open);
    node.become_persistent(Endpoint::loopback(40001));
    const Endpoint addresses[] = {{{192, 168, 7, 8}, 5678}, {{192, 168, 9, 9}, 999}};
    const auto feed = [&](std::size_t which, ByteView datagram) {
        node.receive(now, SocketId(which & 1), addresses[which >> 1 & 1], datagram);
        node.expire(now + which * std::chrono::seconds(1));
        int sent = 0;
        while (node.next_send()) ++sent;
        while (node.next_event()) continue;
        if (sent > max_sent || node.requests_in_flight() > 16) __builtin_trap();
    };
    for (std::size_t which = 0; which < 4; ++which) feed(which, data);
    for (std::size_t at = 0; at + 2 <= data.size();) {
        const std::size_t length =
            std::min<std::size_t>(data[at] + 256u * data[at + 1], data.size() - at - 2);
        feed(at, data.subspan(at + 2, length));
        at += 2 + length;
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    converse(ReplyBudget::Sources::trusted, 8, {data, size});
    converse(ReplyBudget::Sources::checked, 8 + int(ReplyBudget::max_held), {data, size});
    return 0;
}
