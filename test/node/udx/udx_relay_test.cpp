// A UDX stream that a third node forwards, packet by packet and end to end.
#include "node/udx/udx_relay.hpp"

#include <doctest/doctest.h>

#include "proto/outcome.hpp"
#include "test/sim/sim.hpp"
#include "test/vectors.hpp"

using namespace kp2p;

namespace {

using Bytes2 = std::array<std::uint32_t, 2>;

// A socket that keeps what is sent.
class Outgoing final : public Datagrams {
  public:
    Endpoint local() const override { return Endpoint::loopback(1); }
    void send(const Endpoint& to, ByteView bytes) override {
        sent.emplace_back(to, ByteVector(bytes.begin(), bytes.end()));
    }
    void send_with_ttl(const Endpoint&, ByteView, int) override {}
    void send_segments(const Endpoint&, std::span<const ByteView>, std::size_t) override {}
    std::span<const Datagram> take() override { return {}; }
    Task<Result<void>> arrived() override { co_return Errc::closed; }

    std::vector<std::pair<Endpoint, ByteVector>> sent;
};

const Host first_host(10, 0, 0, 1), second_host(10, 0, 0, 2);
const Endpoint first_end{first_host, 1000}, second_end{second_host, 2000};

// A relay that is fed packets by hand.
struct Hand {
    explicit Hand(const Bytes2& ids, UdxRelay::Gate gate) : relay(context, ids, std::move(gate)) {}
    static UdxRelay::Gate open_gate() {
        return {[](std::size_t end, const Host& host) {
                    return host == (end == 0 ? first_host : second_host);
                },
                [](std::size_t) { return true; }};
    }
    // To the end that whoever is there sends to; the id in it does not count.
    void feed(std::size_t end, const Endpoint& from, ByteVector packet) {
        feed(end, from, std::move(packet), socket);
    }
    void feed(std::size_t end, const Endpoint& from, ByteVector packet, Datagrams& through) {
        const std::uint32_t id = relay.id_for(end);
        for (std::size_t i = 0; i < 4; ++i) packet[4 + i] = static_cast<std::uint8_t>(id >> 8 * i);
        CHECK(context.receive(through, {from, packet}));
    }

    test::Sim sim{1, {}};
    UdxContext context{sim.loop().get_executor(), sim.clock(), 1};
    Outgoing socket;
    UdxRelay relay;
};

ByteVector packet_of(std::uint8_t flags, std::size_t size = proto::udx::header_bytes) {
    ByteVector packet(size);
    packet[0] = 0xff, packet[1] = 1, packet[2] = flags;
    return packet;
}

}  // namespace

TEST_CASE("the reference's session passes with another id and nothing else changed") {
    for (auto row : test::vectors("blind-relay")["vectors"]) {
        if (test::text(row["name"]) != "session") continue;
        const auto id_of = [&](const char* name) {
            return static_cast<std::uint32_t>(row["inputs"][name].get_uint64().value());
        };
        Hand hand({id_of("clientA_udx_id"), id_of("clientB_udx_id")}, Hand::open_gate());
        std::vector<ByteVector> to_b, to_a;
        for (auto packet : row["expected"]["udx_leg_B"])
            if (test::text(packet["dir"]) == "relay>B") to_b.push_back(test::bytes(packet["hex"]));
        for (auto packet : row["expected"]["udx_leg_A"])
            if (test::text(packet["dir"]) == "relay>A") to_a.push_back(test::bytes(packet["hex"]));
        // What came too early is lost with the reference, and sent once more; here it waits.
        ByteVector early;
        for (auto packet : row["expected"]["udx_leg_B"])
            if (early.empty()) early = test::bytes(packet["hex"]);
        hand.feed(1, second_end, early);
        CHECK(hand.socket.sent.empty());
        for (auto packet : row["expected"]["udx_leg_A"])
            if (test::text(packet["dir"]) == "A>relay")
                hand.feed(0, first_end, test::bytes(packet["hex"]));
        REQUIRE(hand.socket.sent.size() == 1 + to_b.size());
        CHECK(hand.socket.sent[0].first == first_end);
        for (std::size_t i = 0; i < to_b.size(); ++i) {
            CHECK(hand.socket.sent[1 + i].first == second_end);
            CHECK(hand.socket.sent[1 + i].second == to_b[i]);
        }
        hand.socket.sent.clear();
        for (auto packet : row["expected"]["udx_leg_B"])
            if (test::text(packet["dir"]) == "B>relay" && test::bytes(packet["hex"]) != early)
                hand.feed(1, second_end, test::bytes(packet["hex"]));
        REQUIRE(hand.socket.sent.size() == to_a.size());
        for (std::size_t i = 0; i < to_a.size(); ++i) CHECK(hand.socket.sent[i].second == to_a[i]);
        return;
    }
    FAIL("no session among the vectors");
}

TEST_CASE("nothing is sent to a host that nobody vouches for, and nothing beyond what is paid") {
    bool pays = true;
    auto gate = Hand::open_gate();
    gate.pay = [&](std::size_t) { return pays; };
    Hand hand({5, 6}, std::move(gate));
    hand.feed(0, first_end, packet_of(1));
    hand.feed(1, {Host(8, 8, 8, 8), 1}, packet_of(1));  // a forged source
    CHECK(hand.socket.sent.empty());
    hand.feed(1, second_end, packet_of(1));
    CHECK(hand.socket.sent.size() == 2);             // and the one that waited
    hand.feed(0, {first_host, 1001}, packet_of(1));  // its NAT has another port for it now
    hand.feed(1, second_end, packet_of(1));
    CHECK(hand.socket.sent.back().first == Endpoint{first_host, 1001});
    hand.socket.sent.clear();
    pays = false;
    hand.feed(1, second_end, packet_of(1));
    CHECK(hand.socket.sent.empty());
    CHECK(hand.relay.counts().lost == 1);
    CHECK(hand.relay.counts().packets == 4);
}

TEST_CASE("only so much waits for the other end") {
    Hand hand({5, 6}, Hand::open_gate());
    for (std::size_t i = 0; i < UdxRelay::max_waiting_packets + 5; ++i)
        hand.feed(0, first_end, packet_of(1, 1400));
    hand.feed(1, second_end, packet_of(1));
    CHECK(hand.relay.counts().packets == UdxRelay::max_waiting_packets + 1);
    CHECK(hand.relay.counts().lost == 5);
    Hand large({5, 6}, Hand::open_gate());
    large.feed(0, first_end, packet_of(1, UdxRelay::max_waiting_bytes + 1));
    CHECK(large.relay.counts().lost == 1);
}

TEST_CASE("a relayed stream is over when an end destroys it, and its socket may go") {
    Hand hand({5, 6}, Hand::open_gate());
    hand.feed(0, first_end, packet_of(1));
    hand.feed(1, second_end, packet_of(proto::udx::flag::destroy));
    CHECK(hand.relay.over());
    CHECK(hand.socket.sent.size() == 2);
    hand.context.forget(hand.socket);
    const auto before = hand.relay.counts();
    Outgoing other;
    hand.feed(0, first_end, packet_of(1), other);
    CHECK(hand.relay.counts().packets == before.packets);
}
