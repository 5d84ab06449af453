// How a stream treats addresses that claim to be its peer's, packet by packet.
#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "proto/udx/stream.hpp"
#include "test/proto/udx/packets_of.hpp"

using namespace kp2p;
using namespace kp2p::proto::udx;
using namespace std::chrono_literals;

namespace {

const Time beginning = Time(1h);

// A stream and what it sent, to whom; the test is its peer, and everybody else.
struct Subject {
    Stream stream{1, {}};
    Time now = beginning;
    struct Sent {
        std::uint32_t seq;
        std::uint8_t flags;
        std::size_t size;
        unsigned path;
    };
    std::vector<Sent> sent;
    std::uint64_t sent_bytes[Stream::max_paths] = {};

    Subject() { stream.connect(beginning, {.id = 10}); }
    explicit Subject(const Remote& remote) { stream.connect(beginning, remote); }

    void drain() {
        while (const auto burst = stream.next_burst(now)) {
            for (const ByteVector& bytes : test::packets_of(*burst)) {
                const Packet packet = *parse_packet(bytes);
                sent.push_back({packet.header.seq, packet.header.flags, bytes.size(), burst->path});
                sent_bytes[burst->path] += bytes.size();
            }
        }
    }
    // Until the stream has nothing more to do, or until then.
    template <class Done>
    bool run(Span limit, Done done) {
        const Time end = now + limit;
        drain();
        while (!done()) {
            const auto deadline = stream.deadline();
            if (!deadline || *deadline > end) return now = end, done();
            now = std::max(now, *deadline);
            stream.expire(now);
            drain();
        }
        return true;
    }
    void receive(const Header& header, unsigned path, ByteView body = {}) {
        stream.receive(now, {.header = header, .body = body}, path);
        drain();
    }
    // Acknowledges everything below `ack`, and these.
    void acknowledge(std::uint32_t ack, const std::set<std::uint32_t>& others, unsigned path) {
        ByteVector ranges;
        for (const std::uint32_t seq : others) {
            std::array<std::uint8_t, sack_range_bytes> range;
            write_sack_range({seq, seq + 1}, range);
            ranges.insert(ranges.end(), range.begin(), range.end());
        }
        const std::uint8_t flags = ranges.empty() ? std::uint8_t{0} : flag::sack;
        receive({.flags = flags, .window_bytes = 1 << 20, .ack = ack}, path, ranges);
    }
    std::set<std::uint32_t> numbers_sent_to(unsigned path) const {
        std::set<std::uint32_t> numbers;
        for (const Sent& packet : sent)
            if (packet.path == path && packet.flags & flag::data) numbers.insert(packet.seq);
        return numbers;
    }
    std::uint32_t next_seq() const {
        std::uint32_t next = 0;
        for (const Sent& packet : sent) next = std::max(next, packet.seq + 1);
        return next;
    }
    // A packet comes from elsewhere, and the peer no longer answers.
    unsigned hear_from_elsewhere(std::size_t bytes) {
        const unsigned path = stream.discover({.id = 10});
        const ByteVector body(bytes - header_bytes);
        receive({.flags = flag::message}, path, body);
        return path;
    }
    bool is_challenged(unsigned path) {
        return run(5s, [&] { return !numbers_sent_to(path).empty(); });
    }
};

}  // namespace

TEST_CASE("a challenge chooses what nobody can guess, and knows the answer to it") {
    ChallengeKey key{};
    std::set<std::vector<bool>> choices;
    for (std::uint64_t round = 0; round < 200; ++round) {
        const Challenge challenge(1000, key, round);
        std::vector<bool> choice;
        unsigned asked = 0;
        for (std::uint64_t seq = 1000; seq != challenge.end_seq(); ++seq) {
            choice.push_back(challenge.asks(seq));
            asked += challenge.asks(seq);
        }
        CHECK(asked == Challenge::asked);
        choices.insert(choice);
    }
    CHECK(choices.size() == 200);
    key[7] = 1;
    std::vector<bool> other;
    const Challenge challenge(1000, key, 0);
    for (std::uint64_t seq = 1000; seq != challenge.end_seq(); ++seq)
        other.push_back(challenge.asks(seq));
    CHECK(!choices.contains(other));
}

TEST_CASE("a silent peer that answers elsewhere is followed there") {
    Subject s;
    s.stream.write(s.now, ByteVector(3000));
    s.drain();
    s.now += 20ms;
    s.acknowledge(1, {}, 0);
    s.receive({.flags = flag::data, .window_bytes = 1 << 20, .seq = 1, .ack = 1}, 0);
    const unsigned path = s.hear_from_elsewhere(200);
    CHECK(path != 0);
    CHECK(s.stream.path() == 0);
    REQUIRE(s.is_challenged(path));
    CHECK(s.stream.path() == 0);
    const auto asked = s.numbers_sent_to(path);
    CHECK(asked.size() == Challenge::asked);
    s.now += 30ms;
    SUBCASE("the answer comes from there") { s.acknowledge(1, asked, path); }
    SUBCASE("the answer takes another way") { s.acknowledge(1, asked, 0); }
    CHECK(s.stream.path() == path);
    CHECK(s.stream.round_trip().smoothed() == 30ms);
    // What was on its way to nobody, and what the challenge held back, goes there now.
    CHECK(s.numbers_sent_to(path).contains(1));
    CHECK(s.numbers_sent_to(path).contains(2));
    // The peer hears again what had come, as the last word of it may have been lost.
    CHECK(std::any_of(s.sent.begin(), s.sent.end(), [&](const Subject::Sent& packet) {
        return packet.path == path && packet.flags & flag::sack;
    }));
    std::uint32_t ack = 1;
    for (int i = 0; i < 10; ++i) {
        s.run(30ms, [] { return false; });
        while (s.numbers_sent_to(path).contains(ack)) ++ack;
        s.acknowledge(ack, {}, path);
    }
    CHECK(ack > *asked.rbegin());
    CHECK(ack >= 3 + Challenge::numbers);
}

TEST_CASE("an answer that names what was not sent is forged, and moves nothing") {
    for (int kind = 0; kind < 4; ++kind) {
        CAPTURE(kind);
        Subject s;
        s.stream.write(s.now, ByteVector(500));
        s.drain();
        const unsigned path = s.hear_from_elsewhere(1000);
        REQUIRE(s.is_challenged(path));
        auto named = s.numbers_sent_to(path);
        std::uint32_t held = *named.begin();
        while (named.contains(held)) ++held;
        if (kind == 0) s.acknowledge(*named.rbegin() + 1, {}, path);
        if (kind == 1) s.acknowledge(1, {held}, path);
        if (kind == 2) s.acknowledge(1, (named.insert(held), named), path);
        if (kind == 3) s.acknowledge(1, (named.erase(named.begin()), named), path);
        CHECK(s.stream.path() == 0);
        CHECK(s.stream.closed() == Closed::no);
    }
}

TEST_CASE("packets that were sent along one path say nothing of another") {
    Subject s;
    s.stream.write(s.now, ByteVector(10'000'000));
    s.drain();
    for (int i = 0; i < 10; ++i) {
        s.now += 20ms;
        s.acknowledge(s.next_seq(), {}, 0);
    }
    REQUIRE(s.stream.mtu_bytes() > MtuSearch::base_bytes);
    const unsigned path = s.hear_from_elsewhere(1000);
    REQUIRE(s.is_challenged(path));
    s.now += 30ms;
    // All that was on its way had arrived, and was acknowledged in vain.
    std::uint32_t ack = *s.numbers_sent_to(0).rbegin() + 1;
    s.acknowledge(ack, s.numbers_sent_to(path), path);
    CHECK(s.stream.path() == path);
    CHECK(s.stream.round_trip().smoothed() == 30ms);
    CHECK(s.stream.window_packets() < 40);
    CHECK(s.stream.mtu_bytes() == MtuSearch::base_bytes);
    for (int i = 0; i < 20 && s.sent.back().size == header_bytes; ++i) {
        s.run(30ms, [] { return false; });
        while (s.numbers_sent_to(path).contains(ack)) ++ack;
        s.acknowledge(ack, {}, path);
    }
    CHECK(s.sent.back().size > header_bytes);
    for (const Subject::Sent& packet : s.sent)
        if (packet.path == path)
            CHECK(packet.size - header_bytes <= MtuSearch::base_bytes - packet_overhead_bytes);
}

TEST_CASE("an acknowledgement of what was never sent says nothing of the path") {
    Subject s;
    s.stream.write(s.now, ByteVector(20'000));
    s.drain();
    const unsigned path = s.hear_from_elsewhere(1000);
    REQUIRE(s.is_challenged(path));
    const std::uint32_t end = *s.numbers_sent_to(0).rbegin() + 1 + Challenge::numbers;
    s.acknowledge(end, {}, path);  // which ends the challenge; its packets wait to be sent
    REQUIRE(!s.numbers_sent_to(0).contains(end - 1));
    s.acknowledge(end, {}, 0);
    CHECK(s.stream.round_trip().smoothed() < 20s);
}

TEST_CASE("a tail probe leaves the numbers of a challenge alone") {
    Subject s;
    s.stream.write(s.now, ByteVector(500));
    s.drain();
    s.now += 20ms;
    s.acknowledge(1, {}, 0);
    s.stream.write(s.now, ByteVector(500));
    s.drain();
    const unsigned path = s.stream.try_remote(s.now, {.id = 11});
    s.run(800ms, [] { return false; });
    CHECK(s.numbers_sent_to(path).size() == Challenge::asked);
    s.acknowledge(2, s.numbers_sent_to(path), path);
    CHECK(s.stream.path() == path);
}

TEST_CASE("an address is sent at most three times what came from it") {
    struct Row {
        std::size_t received, sent;
    };
    // A round of a challenge takes 120 bytes, and there are three.
    const Row rows[] = {{20, 0},   {39, 0},    {40, 120},  {79, 120},
                        {80, 240}, {119, 240}, {120, 360}, {1000, 360}};
    for (const Row& row : rows) {
        CAPTURE(row.received);
        Subject s;
        s.stream.write(s.now, ByteVector(100'000));
        s.drain();
        const unsigned path = s.hear_from_elsewhere(row.received);
        CHECK(s.run(30s, [&] { return s.stream.closed() == Closed::timed_out; }));
        CHECK(s.sent_bytes[path] == row.sent);
        CHECK(s.stream.path() == 0);
    }
}

TEST_CASE("a peer that answers where it was stays there") {
    Subject s;
    s.stream.write(s.now, ByteVector(100));
    s.drain();
    s.now += 20ms;
    s.acknowledge(1, {}, 0);
    s.sent.clear();
    const unsigned path = s.hear_from_elsewhere(1000);
    // Nothing was on its way: an empty packet asks.
    REQUIRE(s.sent.size() >= 1);
    CHECK(s.sent[0].path == 0);
    CHECK(s.sent[0].flags == flag::data);
    CHECK(s.sent[0].size == header_bytes);
    s.now += 20ms;
    s.acknowledge(2, {}, 0);
    CHECK(!s.run(10s, [&] { return !s.numbers_sent_to(path).empty(); }));
    CHECK(s.stream.path() == 0);
    CHECK(s.stream.closed() == Closed::no);
}

TEST_CASE("the path that was left is taken again as it was, and without a challenge") {
    Subject s;
    s.stream.write(s.now, ByteVector(500));
    s.drain();
    s.now += 20ms;
    s.acknowledge(1, {}, 0);
    const Span before = s.stream.round_trip().smoothed();
    const unsigned path = s.hear_from_elsewhere(1000);
    REQUIRE(s.is_challenged(path));
    s.now += 50ms;
    s.acknowledge(1, s.numbers_sent_to(path), path);
    REQUIRE(s.stream.path() == path);
    s.receive({.flags = flag::message}, 0);
    CHECK(s.run(10s, [&] { return s.stream.path() == 0; }));
    CHECK(s.stream.round_trip().smoothed() == before);
}

TEST_CASE("a path that was left long ago is challenged like any other") {
    Subject s;
    s.stream.write(s.now, ByteVector(500));
    s.drain();
    s.now += 20ms;
    s.acknowledge(1, {}, 0);
    const unsigned path = s.stream.change_remote(s.now, {.id = 10});
    for (int i = 0; i < 31; ++i) {
        s.now += 1s;
        s.acknowledge(1, {}, path);
    }
    s.sent.clear();
    const ByteVector body(1000);
    s.receive({.flags = flag::message}, 0, body);
    REQUIRE(s.is_challenged(0));
    CHECK(s.numbers_sent_to(0).size() == Challenge::asked);
    CHECK(s.stream.path() == path);
}

TEST_CASE("after a challenge that failed there is a pause") {
    Subject s;
    s.stream.write(s.now, ByteVector(5000));
    s.drain();
    s.now += 20ms;
    s.acknowledge(1, {}, 0);
    const unsigned path = s.hear_from_elsewhere(1000);
    REQUIRE(s.is_challenged(path));
    s.acknowledge(s.next_seq(), {}, path);  // forged
    s.sent.clear();
    s.receive({.flags = flag::message}, path);
    CHECK(!s.run(1s, [&] { return !s.numbers_sent_to(path).empty(); }));
    s.receive({.flags = flag::message}, path);
    CHECK(s.is_challenged(path));
}

TEST_CASE("a stream that hears nothing looks for its peer where it was before") {
    Subject s;
    s.stream.write(s.now, ByteVector(500));
    s.drain();
    s.now += 20ms;
    s.acknowledge(1, {}, 0);
    s.stream.change_remote(s.now, {.id = 10});
    const unsigned path = s.stream.path();
    REQUIRE(path != 0);
    s.stream.write(s.now, ByteVector(500));
    s.sent.clear();
    const auto knocked = [&] {
        return std::any_of(s.sent.begin(), s.sent.end(), [](const Subject::Sent& packet) {
            return packet.path == 0 && packet.flags == flag::heartbeat;
        });
    };
    CHECK(s.run(10s, knocked));
    s.receive({.window_bytes = 1 << 20, .ack = 1}, 0);
    CHECK(s.run(10s, [&] { return s.stream.path() == 0; }));
    CHECK(s.stream.closed() == Closed::no);
    CHECK(s.numbers_sent_to(0).contains(1));
}

TEST_CASE("a flood of sources leaves the paths that matter alone") {
    Subject s;
    s.stream.write(s.now, ByteVector(500));
    s.drain();
    s.now += 20ms;
    s.acknowledge(1, {}, 0);
    const unsigned path = s.hear_from_elsewhere(1000);
    for (int i = 0; i < 100; ++i) {
        s.now += 1ms;
        const unsigned other = s.hear_from_elsewhere(1000);
        CHECK(other != path);
        CHECK(other != 0);
    }
    REQUIRE(s.is_challenged(path));
    s.acknowledge(1, s.numbers_sent_to(path), path);
    CHECK(s.stream.path() == path);
    for (int i = 0; i < 100; ++i) CHECK(s.hear_from_elsewhere(1000) != 0);
}

TEST_CASE("a flood of sources that a silent peer does not refute costs little") {
    Subject s;
    s.stream.write(s.now, ByteVector(500));
    s.drain();
    s.now += 20ms;
    s.acknowledge(1, {}, 0);
    std::uint64_t most_ahead = 0;
    while (s.stream.closed() == Closed::no && s.now - beginning < 60s) {
        s.hear_from_elsewhere(1000);
        s.run(1ms, [] { return false; });
        most_ahead = std::max<std::uint64_t>(most_ahead, s.next_seq());
    }
    CHECK(s.stream.closed() == Closed::timed_out);
    CHECK(s.now - beginning < 20s);
    CHECK(most_ahead < 12 * Challenge::numbers);
    std::uint64_t elsewhere = 0;
    for (unsigned path = 1; path < Stream::max_paths; ++path) elsewhere += s.sent_bytes[path];
    CHECK(elsewhere > 0);
    CHECK(elsewhere < 12 * 3 * Challenge::sent_bytes);
}

TEST_CASE("after its end a stream stays where it is") {
    Subject s;
    s.stream.write(s.now, ByteVector(500));
    s.stream.end(s.now);
    s.drain();
    const unsigned path = s.hear_from_elsewhere(1000);
    CHECK(!s.run(20s, [&] { return s.sent_bytes[path] > 0; }));
    CHECK(s.stream.path() == 0);
}

TEST_CASE("a stream leaves a relay that still answers, for who answers elsewhere") {
    Subject a({.id = 77, .relayed = true});
    a.stream.write(a.now, as_bytes("hello"));
    a.drain();
    a.acknowledge(a.next_seq(), {}, 0);
    const unsigned path = a.stream.discover({.id = 10});
    a.receive({.flags = flag::message}, path);  // too little to be worth a challenge
    CHECK(a.sent_bytes[path] == 0);
    a.receive({.flags = flag::message}, path, ByteVector(100));
    const auto asked = a.numbers_sent_to(path);
    CHECK(asked.size() == Challenge::asked);
    CHECK(a.sent_bytes[path] <= Path::amplification * 140);
    a.acknowledge(*asked.begin(), {}, 0);  // the relay does
    CHECK(a.stream.path() == 0);
    a.acknowledge(*asked.begin(), asked, 0);
    CHECK(a.stream.path() == path);
    CHECK(a.stream.remote_id() == 10);
    a.receive({.flags = flag::message}, 0, ByteVector(100));  // what the relay still brings
    CHECK(a.stream.path() == path);
}

TEST_CASE("what a relay has lost goes to where the stream has moved") {
    Subject a({.id = 77, .relayed = true});
    a.stream.write(a.now, as_bytes("hello"));  // the peer has left the relay
    a.drain();
    const std::set<std::uint32_t> lost{0};
    CHECK(a.numbers_sent_to(0) == lost);
    const unsigned path = a.stream.discover({.id = 10});
    a.receive({.flags = flag::message}, path, ByteVector(100));
    a.acknowledge(0, a.numbers_sent_to(path), path);
    REQUIRE(a.stream.path() == path);
    a.sent.clear();
    CHECK(a.run(100ms, [&] { return a.numbers_sent_to(path).contains(0); }));
    CHECK(a.numbers_sent_to(0).empty());
}

TEST_CASE("a forged source makes a relayed stream send it at most three times as much") {
    Subject a({.id = 77, .relayed = true});
    const unsigned path = a.stream.discover({.id = 10});
    std::uint64_t received = 0;
    for (int i = 0; i < 50; ++i) {
        a.receive({.flags = flag::message}, path, ByteVector(20));
        received += header_bytes + 20;
        CHECK(a.sent_bytes[path] <= Path::amplification * received);
        a.run(100ms, [] { return false; });
    }
    CHECK(a.sent_bytes[path] > 0);
    CHECK(a.stream.path() == 0);
}
