// Puts a stream in the place of one end of a captured session: it is fed what arrived there, does
// what the application did, and must send what the reference implementation sent.
#include <doctest/doctest.h>

#include <cmath>

#include "proto/udx/stream.hpp"
#include "test/proto/udx/captured.hpp"
#include "test/proto/udx/drain.hpp"

using namespace kp2p;
using namespace kp2p::proto::udx;
using namespace std::chrono_literals;

namespace {

Time at_ms(double ms) {
    return test::start +
           std::chrono::duration_cast<Span>(std::chrono::duration<double, std::milli>(ms));
}

double ms_of(Time time) {
    return std::chrono::duration<double, std::milli>(time - test::start).count();
}

struct Compared {  // what is compared of a packet; the window only when nothing is held behind a
                   // gap
    Header header;
    std::size_t size = 0;
    unsigned path = 0;
    ByteVector sack;
};

Compared compared(ByteView bytes, unsigned path) {
    const Packet packet = *parse_packet(bytes);
    Compared sent{.header = packet.header, .size = bytes.size(), .path = path, .sack = {}};
    if (packet.header.has(flag::sack)) {
        sent.header.window_bytes = 0;
        sent.sack.assign(packet.body.begin(), packet.body.end());
    }
    return sent;
}

std::string text_of(const Compared& sent) {
    const Header& h = sent.header;
    return "flags " + std::to_string(h.flags) + " ext " + std::to_string(h.extension_bytes) +
           " window " + std::to_string(h.window_bytes) + " seq " + std::to_string(h.seq) + " ack " +
           std::to_string(h.ack) + " size " + std::to_string(sent.size) + " path " +
           std::to_string(sent.path) + " sack " + to_hex(sent.sack);
}

void read_and_drain(Stream& stream, Time now, std::vector<Compared>& out) {
    ByteVector unread(100'000);
    while (stream.read(unread) > 0) continue;
    for (const test::Sent& sent : test::drain(stream, now))
        out.push_back(compared(sent.bytes, sent.path));
}

struct Replay {
    std::string name;
    std::string out;  // the direction of what our end sends
    StreamOptions options;
    std::string hop = {};  // of several, the one that our end is on
};

// Does what made the reference send `packet`: the application's call, or the passing of time.
Time provoke(Stream& stream, const test::Captured& packet, std::uint32_t& next_seq) {
    const Packet parsed = *parse_packet(packet.bytes);
    const Header& header = parsed.header;
    const Time now = at_ms(packet.at_ms);
    if (header.has(flag::data | flag::end) && header.seq == next_seq) {
        ++next_seq;
        stream.write(now, parsed.payload());
        if (header.has(flag::end)) stream.end(now);
    } else if (header.has(flag::data | flag::end | flag::heartbeat)) {
        // A repetition: our timer must be due at about the same time.
        const auto deadline = stream.deadline();
        if (!deadline || *deadline <= now) {
            stream.expire(now);
            return now;
        }
        CHECK(std::abs(ms_of(*deadline) - packet.at_ms) < 60);
        stream.expire(*deadline);
        return *deadline;
    } else if (header.has(flag::message)) {
        stream.send_message(parsed.payload());
    } else if (header.has(flag::destroy)) {
        stream.destroy();
    }
    return now;
}

unsigned path_of(const test::Captured& packet) { return packet.path == "new"; }

// What arrives at the end that sends in direction `out`, when, and what it sends.
std::vector<test::Captured> session_at(const Replay& row) {
    std::vector<test::Captured> session = test::captured_session(row.name);
    if (!row.hop.empty()) std::erase_if(session, [&](const auto& p) { return p.path != row.hop; });
    // The capture was made in the middle: what comes in arrives later.
    double delay_ms = 0;
    if (test::udx_vector(row.name)["inputs"]["one_way_delay_ms"].get(delay_ms)) delay_ms = 0;
    for (auto& packet : session) {
        if (packet.direction == row.out) continue;
        packet.at_ms += delay_ms;
        if (packet.path == "old") packet.at_ms += 20;
        if (packet.path == "new") packet.at_ms += 5;
    }
    std::stable_sort(session.begin(), session.end(),
                     [](const auto& a, const auto& b) { return a.at_ms < b.at_ms; });
    return session;
}

void replay(const Replay& row) {
    CAPTURE(row.name);
    CAPTURE(row.out);
    const std::vector<test::Captured> session = session_at(row);
    std::uint32_t our_id = 0, remote_id = 0;
    for (const auto& p : session)
        (p.direction == row.out ? remote_id : our_id) = parse_packet(p.bytes)->header.receiver_id;
    Stream stream(our_id, row.options);
    stream.connect(at_ms(0), {.id = remote_id});
    std::uint32_t next_seq = row.options.first_seq;
    std::vector<Compared> expected, sent;
    for (const auto& packet : session) {
        if (packet.direction == row.out) {
            expected.push_back(compared(packet.bytes, path_of(packet)));
            if (path_of(packet) > stream.path())
                stream.change_remote(at_ms(packet.at_ms), {.id = remote_id});
            // What arrived may have brought forth this packet already.
            if (sent.size() < expected.size())
                read_and_drain(stream, provoke(stream, packet, next_seq), sent);
        } else if (!packet.dropped) {
            stream.receive(at_ms(packet.at_ms), *parse_packet(packet.bytes));
            read_and_drain(stream, at_ms(packet.at_ms), sent);
        }
    }
    for (std::size_t i = 0; i < std::min(sent.size(), expected.size()); ++i) {
        CAPTURE(i);
        CHECK(text_of(sent[i]) == text_of(expected[i]));
    }
    CHECK(sent.size() == expected.size());
}

}  // namespace

TEST_CASE("a stream in place of a captured one sends the same packets") {
    const StreamOptions usual = test::like_reference();
    const Replay rows[] = {
        {"session-basic", "A>B", usual},
        {"session-basic", "B>A", usual},
        {"coalesced-writes", "A>B", usual},
        {"coalesced-writes", "B>A", usual},
        {"message", "A>B", usual},
        {"message", "B>A", usual},
        {"heartbeat", "A>B", test::like_reference({.keepalive = 80ms})},
        {"heartbeat", "B>A", usual},
        {"destroy", "A>B", usual},
        {"destroy", "B>A", usual},
        {"sack-recovery", "A>B", usual},
        {"sack-recovery", "B>A", usual},
        {"tail-loss-probe", "A>B", usual},
        {"tail-loss-probe", "B>A", usual},
        {"seq-wrap", "A>B", test::like_reference({.first_seq = 0xfffffffe})},
        {"seq-wrap", "B>A", test::like_reference({.remote_first_seq = 0xfffffffe})},
        {"rto-blackhole", "A>B", usual},
        {"rto-blackhole-no-rtt", "A>B", usual},
        {"final-ack-lost", "A>B", usual},
        {"final-ack-lost", "B>A", usual},
        {"change-remote", "A>B", usual},
        {"change-remote", "B>A", usual},
        {"relay", "A>B", usual, "B-R"},
    };
    for (const Replay& row : rows) replay(row);
}

// Behind a relay the first packet is lost until the other leg is there. The reference waits for
// its timeout; we repeat the packet at the peer's first sign, and it acknowledges that sign too.
TEST_CASE("a stream behind a relay sends the captured packets, the lost one sooner") {
    const Replay row{"relay", "A>B", {}, "A-R"};
    Stream stream(0xa1, test::like_reference());
    stream.connect(at_ms(0), {.id = 0xaa});
    std::uint32_t next_seq = 0;
    std::vector<Compared> expected, sent;
    double first_sign_ms = 0, repeated_ms = 0;
    for (const auto& packet : session_at(row)) {
        const Time now = at_ms(packet.at_ms);
        const Header header = parse_packet(packet.bytes)->header;
        if (packet.direction == row.out) {
            if (header.flags != 0) expected.push_back(compared(packet.bytes, 0));
            if (sent.size() < expected.size())
                read_and_drain(stream, provoke(stream, packet, next_seq), sent);
            continue;
        }
        if (first_sign_ms == 0) first_sign_ms = packet.at_ms;
        stream.receive(now, *parse_packet(packet.bytes));
        read_and_drain(stream, now, sent);
        if (sent.size() == 2 && repeated_ms == 0) repeated_ms = packet.at_ms;
    }
    CHECK(sent.size() == expected.size());
    for (std::size_t i = 0; i < std::min(sent.size(), expected.size()); ++i)
        CHECK(text_of(sent[i]) == text_of(expected[i]));
    CHECK(repeated_ms == first_sign_ms);
    CHECK(stream.next_message().has_value());
}
