// What a stream does that no captured session shows.
#include "proto/udx/stream.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "test/proto/udx/drain.hpp"

using namespace kp2p;
using namespace kp2p::proto::udx;
using test::drain;
using test::Sent;
using test::start;
using namespace std::chrono_literals;

namespace {

Packet packet_of(const Header& header) { return {.header = header, .body = {}}; }

Packet acknowledge(std::uint32_t ack, std::uint32_t window = 4 << 20) {
    return packet_of({.window_bytes = window, .ack = ack});
}

}  // namespace

TEST_CASE("packets sent before a change of remote keep their path, also when repeated") {
    Stream stream(1, {});
    stream.connect(start, {.id = 10});
    stream.write(start, as_bytes("old"));
    CHECK(drain(stream, start).size() == 1);
    stream.change_remote(start + 1ms, {.id = 20});
    stream.write(start + 1ms, as_bytes("new"));
    auto sent = drain(stream, start + 1ms);
    REQUIRE(sent.size() == 1);
    CHECK(sent[0].path == 1);
    CHECK(sent[0].header().receiver_id == 20);
    stream.expire(*stream.deadline());
    sent = drain(stream, *stream.deadline());
    REQUIRE(!sent.empty());
    CHECK(sent[0].path == 0);
    CHECK(sent[0].header().receiver_id == 10);
    CHECK(sent[0].header().seq == 0);
}

TEST_CASE("many changes of remote move old packets to the newest") {
    Stream stream(1, {});
    stream.connect(start, {.id = 100});
    stream.write(start, as_bytes("x"));
    CHECK(drain(stream, start).size() == 1);
    for (std::uint32_t i = 1; i <= Stream::max_paths; ++i)
        stream.change_remote(start + i * 1ms, {.id = 100 + i});
    stream.expire(*stream.deadline());
    const auto sent = drain(stream, start + 2s);
    REQUIRE(sent.size() == 1);
    CHECK(sent[0].header().receiver_id == 100 + Stream::max_paths);
    CHECK(sent[0].path == stream.path());
}

TEST_CASE("a closed window that nobody opens ends the stream when no heartbeat is answered") {
    Stream stream(1, {});
    stream.connect(start, {.id = 2});
    stream.receive(start, acknowledge(0, 0));
    stream.write(start, as_bytes("x"));
    Time now = start;
    int heartbeats = 0;
    for (int i = 0; i < 100 && stream.closed() == Closed::no; ++i) {
        for (const Sent& sent : drain(stream, now))
            heartbeats += sent.header().has(flag::heartbeat);
        REQUIRE(stream.deadline());
        now = *stream.deadline();
        stream.expire(now);
    }
    CHECK(stream.closed() == Closed::timed_out);
    CHECK(heartbeats == 7);
    CHECK(now - start < 20s);
}

TEST_CASE("a closed window that is answered for is waited on") {
    Stream stream(1, {});
    stream.connect(start, {.id = 2});
    stream.receive(start, acknowledge(0, 0));
    stream.write(start, as_bytes("x"));
    Time now = start;
    for (int i = 0; i < 50; ++i) {
        drain(stream, now);
        stream.receive(now, acknowledge(0, 0));
        REQUIRE(stream.deadline());
        now = *stream.deadline();
        stream.expire(now);
    }
    CHECK(stream.closed() == Closed::no);
    stream.receive(now, acknowledge(0));
    const auto sent = drain(stream, now);
    CHECK(std::any_of(sent.begin(), sent.end(),
                      [](const Sent& packet) { return packet.header().has(flag::data); }));
}

TEST_CASE("reading from a full buffer tells the peer that there is room") {
    Stream stream(1, {.receive_window_bytes = 2000});
    stream.connect(start, {.id = 2});
    const ByteVector body(1000);
    for (std::uint32_t seq : {0u, 1u}) {
        const Packet packet{.header = {.flags = flag::data, .seq = seq}, .body = body};
        stream.receive(start, packet);
    }
    auto sent = drain(stream, start);
    REQUIRE(sent.size() == 1);
    CHECK(sent[0].header().window_bytes == 0);
    ByteVector out(1500);
    CHECK(stream.read(out) == 1500);
    CHECK(stream.acknowledgement_due());
    sent = drain(stream, start);
    REQUIRE(sent.size() == 1);
    CHECK(sent[0].header().window_bytes == 1500);
}

TEST_CASE("one acknowledgement answers a batch") {
    Stream stream(1, {});
    stream.connect(start, {.id = 2});
    const ByteVector body(100);
    for (std::uint32_t seq = 0; seq < 50; ++seq) {
        const Packet packet{.header = {.flags = flag::data, .seq = seq}, .body = body};
        stream.receive(start, packet);
    }
    const auto sent = drain(stream, start);
    REQUIRE(sent.size() == 1);
    CHECK(sent[0].header().ack == 50);
}

TEST_CASE("a destroyed stream says so once and again when asked") {
    Stream stream(1, {});
    stream.connect(start, {.id = 2});
    stream.write(start, as_bytes("lost"));
    stream.destroy();
    const auto sent = drain(stream, start);
    REQUIRE(sent.size() == 1);
    CHECK(sent[0].header().has(flag::destroy));
    CHECK(!stream.deadline());
    REQUIRE(stream.last_word());
    CHECK(parse_packet(*stream.last_word())->header.has(flag::destroy));
}

TEST_CASE("unread and unsent messages are bounded") {
    Stream stream(1, {});
    stream.connect(start, {.id = 2});
    for (std::size_t i = 0; i < 3 * Stream::max_messages; ++i) {
        stream.receive(start, packet_of({.flags = flag::message}));
        stream.send_message(as_bytes("m"));
    }
    std::size_t received = 0;
    while (stream.next_message()) ++received;
    CHECK(received == Stream::max_messages);
    CHECK(drain(stream, start).size() == Stream::max_messages);
}

TEST_CASE("what was sent before the peer was there is repeated at its first sign") {
    Stream stream(1, {});
    stream.connect(start, {.id = 2});
    stream.write(start, ByteVector(5000));
    const std::size_t first = drain(stream, start).size();
    stream.receive(start + 200ms, packet_of({.flags = flag::message}));
    const auto sent = drain(stream, start + 200ms);
    REQUIRE(sent.size() == first);
    CHECK(sent[0].header().seq == 0);
    // Only once, and not what may still be on its way.
    stream.receive(start + 400ms, packet_of({.flags = flag::message}));
    CHECK(drain(stream, start + 400ms).empty());
    Stream other(1, {});
    other.connect(start, {.id = 2});
    other.write(start, ByteVector(5000));
    drain(other, start);
    other.receive(start + 10ms, packet_of({.flags = flag::message}));
    CHECK(drain(other, start + 10ms).empty());
}

TEST_CASE("what is sent first is repeated soon, though no round trip is known") {
    Stream stream(1, {});
    stream.connect(start, {.id = 2});
    stream.write(start, ByteVector(100));
    Time now = start;
    REQUIRE(drain(stream, now).size() == 1);
    std::vector<Span> repeated;
    while (stream.deadline() && *stream.deadline() <= start + 4s) {
        now = *stream.deadline();
        stream.expire(now);
        for (const Sent& packet : drain(stream, now))
            if (packet.header().seq == 0) repeated.push_back(now - start);
    }
    const std::vector<Span> expected{500ms, 1s, 2s, 3s};
    CHECK(std::ranges::equal(repeated, expected));
}

TEST_CASE("what comes is a sign of life, but no word that anything has arrived there") {
    Stream stream(1, {});
    stream.connect(start, {.id = 2});
    const Roaming& seen = stream.roaming();
    CHECK_FALSE(seen.unacknowledged_since);
    stream.write(start, ByteVector(100));
    drain(stream, start);
    CHECK(seen.unanswered_since == start);
    CHECK(seen.unacknowledged_since == start);
    stream.receive(start + 10ms, packet_of({.flags = flag::heartbeat, .ack = 0}));
    stream.receive(start + 20ms, acknowledge(0));  // of nothing
    CHECK(seen.unanswered_since == start + 20ms);
    CHECK(seen.unacknowledged_since == start);
    stream.receive(start + 30ms, acknowledge(1));
    CHECK_FALSE(seen.unanswered_since);
    CHECK_FALSE(seen.unacknowledged_since);
}
