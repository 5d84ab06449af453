// Hand-made packets were sent to a stream of the reference implementation; ours must answer them in
// the same way, deliver the same bytes and end the same way.
#include <doctest/doctest.h>

#include <algorithm>

#include "proto/udx/stream.hpp"
#include "test/proto/udx/captured.hpp"
#include "test/proto/udx/drain.hpp"

using namespace kp2p;
using namespace kp2p::proto::udx;
using namespace std::chrono_literals;

namespace {

constexpr std::uint32_t our_id = 77, peer_id = 99;

struct Step {  // one line of the log of a reaction
    Time at{};
    std::string direction;  // or empty for an event
    std::string event, value;
    ByteVector bytes;
    bool next_is_end = false;  // what waits for the window to open
};

ByteVector packet_bytes(simdjson::dom::element entry) {
    std::string_view hex;
    if (!entry["hex"].get(hex)) return *from_hex(hex);
    const simdjson::dom::element fields = entry["fields"];
    const std::uint64_t size = entry["len"];
    ByteVector bytes(size, 1);
    const auto field = [&](const char* name) {
        return static_cast<std::uint32_t>(std::uint64_t(fields[name]));
    };
    CHECK(std::string_view(fields["flags"]) == "DATA");  // of those too long to be stored
    write_header({.flags = flag::data,
                  .extension_bytes = 0,
                  .receiver_id = field("id"),
                  .window_bytes = field("rwnd"),
                  .seq = field("seq"),
                  .ack = field("ack")},
                 std::span(bytes).first<header_bytes>());
    return bytes;
}

std::vector<Step> steps_of(simdjson::dom::element reaction) {
    std::vector<Step> steps;
    for (simdjson::dom::element entry : simdjson::dom::array(reaction["log"])) {
        Step step{.at = Time(1h) + std::chrono::milliseconds(std::uint64_t(entry["t_ms"])),
                  .direction = {},
                  .event = {},
                  .value = {},
                  .bytes = {}};
        std::string_view text;
        if (!entry["event"].get(text)) {
            step.event = text;
            if (!entry["value"].get(text)) step.value = text;
        } else {
            step.direction = std::string_view(entry["dir"]);
            step.bytes = packet_bytes(entry);
        }
        steps.push_back(std::move(step));
    }
    return steps;
}

// An answer without its payload, which only echoes what the test wrote.
std::string answer_text(ByteView bytes) {
    const Packet packet = *parse_packet(bytes);
    Header header = packet.header;
    if (header.has(flag::sack)) header.window_bytes = 0;  // ours counts what waits behind a gap
    std::array<std::uint8_t, header_bytes> plain;
    write_header(header, plain);
    return to_hex(plain) + " size " + std::to_string(bytes.size()) +
           (header.has(flag::sack) ? " sack " + to_hex(packet.body) : "");
}

std::string lines(const std::vector<std::string>& all) {
    std::string text;
    for (const std::string& line : all) text += '\n' + line;
    return text;
}

struct Run {
    Stream stream;
    std::uint32_t next_seq;
    bool queued = false;  // behind a closed window
    std::vector<std::string> sent;
    ByteVector read;
    std::string messages;

    explicit Run(std::uint32_t first_seq)
        : stream(our_id, test::like_reference({.first_seq = first_seq})), next_seq(first_seq) {}

    void drain(Time now) {
        ByteVector buffer(70'000);
        while (const std::size_t size = stream.read(buffer))
            read.insert(read.end(), buffer.begin(),
                        buffer.begin() + static_cast<std::ptrdiff_t>(size));
        while (const auto message = stream.next_message()) messages += to_hex(*message) + ';';
        while (const auto burst = stream.next_burst(now))
            for (const ByteVector& packet : test::packets_of(*burst))
                sent.push_back(answer_text(packet));
    }
    // Does what made the reference send this.
    void provoke(const Step& step) {
        const Packet packet = *parse_packet(step.bytes);
        const Header& header = packet.header;
        Time now = step.at;
        if (header.has(flag::data | flag::end) && header.seq == next_seq) {
            ++next_seq;
            if (!queued) stream.write(now, packet.payload());
            if (header.has(flag::end)) stream.end(now);
            queued = false;
            const std::size_t before = sent.size();
            drain(now);
            if (sent.size() > before || !stream.deadline()) return;
            now = *stream.deadline();  // a loss probe goes out where the window lets nothing else
            stream.expire(now);
        } else if (header.has(flag::destroy)) {
            stream.destroy();
        } else if (header.has(flag::heartbeat) && stream.deadline() == std::nullopt) {
            queued = true;
            if (step.next_is_end) {
                stream.end(now);
            } else {
                stream.write(now, as_bytes("queued"));
            }
        } else {
            if (const auto deadline = stream.deadline()) now = std::max(now, *deadline);
            CHECK(now - step.at < 60ms);
            stream.expire(now);
        }
        drain(now);
    }
};

void react(const std::string& name, std::uint32_t first_seq) {
    CAPTURE(name);
    auto steps = steps_of(test::udx_vector("peer-reactions")["expected"][name]);
    for (Step& step : steps) step.next_is_end = name == "zero_window_end";
    Run run(first_seq);
    run.stream.connect(Time(1h), {.id = peer_id});
    std::vector<std::string> expected;
    std::string data, messages;
    bool ended = false, reset = false;
    for (const Step& step : steps) {
        if (step.event == "stream-data") data += step.value;
        if (step.event == "stream-message") messages += step.value + ';';
        if (step.event == "stream-end") ended = true;
        if (step.event == "stream-error") reset = step.value == "ECONNRESET";
        if (step.direction == "real>peer") {
            expected.push_back(answer_text(step.bytes));
            if (run.sent.size() < expected.size()) run.provoke(step);
        } else if (step.direction == "peer>real") {
            const auto packet = parse_packet(step.bytes);
            if (packet) run.stream.receive(step.at, *packet);
            run.drain(step.at);
        }
    }
    CHECK(lines(run.sent) == lines(expected));
    if (data.find('.') == std::string::npos) CHECK(to_hex(run.read) == data);
    CHECK(run.messages == messages);
    CHECK(run.stream.remote_ended() == ended);
    CHECK((run.stream.closed() == Closed::reset) == reset);
}

}  // namespace

TEST_CASE("a stream reacts to odd packets as the reference does") {
    const char* const names[] = {
        "bad_version",
        "short_packet",
        "data_offset",
        "data_offset_equal_len",
        "data_offset_too_big",
        "duplicate",
        "zero_len_data",
        "ack_beyond",
        "ack_old",
        "destroy_old_seq",
        "destroy_exact",
        "destroy_future",
        "heartbeat_with_data",
        "heartbeat",
        "big_2048",
        "other_source",
        "end_with_data_then_more",
        "end_only_with_payload",
        "end_ooo",
        "message_empty",
        "plain_ack_payload",
        "unknown_flag",
        "initial_burst",
        "small_rwnd",
        "zero_window",
        "zero_window_end",
        "coalesced_ack",
        "ack_delay_10ms",
        "two_writes_one_tick",
        "destroy_unacked",
        "preconnect_connect_in_firewall",  // connects first, then receives
        "end_then_destroy",
    };
    for (const char* name : names) react(name, 0);
    react("seq_opt", 1000);
}

TEST_CASE("data before connecting is kept and acknowledged when connected") {
    const auto steps =
        steps_of(test::udx_vector("peer-reactions")["expected"]["preconnect_allowed"]);
    Run run(0);
    run.stream.receive(steps.front().at, *parse_packet(steps.front().bytes));
    run.drain(steps.front().at);
    CHECK(to_hex(run.read) == "6869");
    CHECK(run.sent.empty());
    run.stream.connect(steps.back().at, {.id = peer_id});
    run.drain(steps.back().at);
    CHECK(run.sent == std::vector<std::string>{answer_text(steps.back().bytes)});
}

// Where the reference sends a pure acknowledgement after the data that carried it already, we
// save it; the rest of this reaction is the same.
TEST_CASE("data and SACK in one packet are both honoured") {
    const auto steps = steps_of(test::udx_vector("peer-reactions")["expected"]["data_plus_sack"]);
    Run run(0);
    run.stream.connect(Time(1h), {.id = peer_id});
    run.provoke(steps[0]);
    run.provoke(steps[1]);
    CHECK(run.sent ==
          std::vector<std::string>{answer_text(steps[0].bytes), answer_text(steps[1].bytes)});
    run.stream.receive(steps[2].at, *parse_packet(steps[2].bytes));
    run.drain(steps[2].at);
    if (run.sent.size() ==
        2) {  // our clock is finer, so it may give the lost packet some more time
        REQUIRE(run.stream.deadline());
        const Time later = *run.stream.deadline();
        run.stream.expire(later);
        run.drain(later);
    }
    CHECK(to_hex(run.read) == "776974682d7361636b");
    CHECK(run.sent.back() == answer_text(steps[4].bytes));
}

TEST_CASE("a packet too far ahead is as if it were lost, where the reference keeps all") {
    const auto steps = steps_of(test::udx_vector("peer-reactions")["expected"]["ooo_far"]);
    const Packet far = *parse_packet(steps[0].bytes), below = *parse_packet(steps[1].bytes);
    REQUIRE(far.header.seq > Reassembly::max_packets_ahead);
    Run run(0);
    run.stream.connect(Time(1h), {.id = peer_id});
    run.stream.receive(steps[0].at, far);
    run.drain(steps[0].at);
    CHECK(run.sent.empty());
    // 16 numbers below the first one: a repetition of what never was, answered like any other.
    run.stream.receive(steps[1].at, below);
    run.drain(steps[1].at);
    Header answer = parse_packet(steps[2].bytes)->header;
    answer.flags = 0;
    std::array<std::uint8_t, header_bytes> plain;
    write_header(answer, plain);
    CHECK(run.sent == std::vector<std::string>{answer_text(plain)});
    CHECK(run.read.empty());
}

TEST_CASE("the ranges of many gaps begin as the reference's, which stop at fifty") {
    const auto steps = steps_of(test::udx_vector("peer-reactions")["expected"]["sack_cap"]);
    const std::string fifty = to_hex(parse_packet(steps.back().bytes)->body);
    Run run(0);
    run.stream.connect(Time(1h), {.id = peer_id});
    for (std::uint32_t seq = 2; seq <= 120; seq += 2) {
        const Packet packet{.header = {.flags = flag::data, .seq = seq}, .body = as_bytes("x")};
        run.stream.receive(Time(1h), packet);
        run.drain(Time(1h));
        const std::string ours = run.sent.back().substr(run.sent.back().rfind(' ') + 1);
        CHECK(ours.substr(0, fifty.size()) == fifty.substr(0, ours.size()));
        CHECK(ours.size() == seq / 2 * 2 * sack_range_bytes);
    }
}

TEST_CASE("fifty ranges at once are all believed") {
    const auto steps = steps_of(test::udx_vector("peer-reactions")["expected"]["sack_cap"]);
    const Packet sack = *parse_packet(steps.back().bytes);
    REQUIRE(sack.sack_ranges() == 50);
    constexpr std::size_t before = 2000, gapped = 102;  // packets; the first open the window
    Run run(static_cast<std::uint32_t>(-before));
    run.stream.connect(Time(1h), {.id = peer_id, .max_mtu_bytes = MtuSearch::base_bytes});
    Time now = Time(1h);
    const auto drain_ms = [&](int ms) {  // as the pacer allows
        for (const Time end = now + ms * 1ms; now < end; now += 1ms) run.drain(now);
    };
    run.stream.write(now, ByteVector(1132 + (before - 1) * 1152));
    while (run.sent.size() < before) {
        drain_ms(10);
        const auto ack = static_cast<std::uint32_t>(run.sent.size() - before);
        run.stream.receive(now, {.header = {.window_bytes = 4 << 20, .ack = ack}, .body = {}});
        REQUIRE(now < Time(1h) + 10s);
    }
    run.sent.clear();
    run.stream.write(now, ByteVector(gapped * 1152));
    drain_ms(10);
    REQUIRE(run.sent.size() == gapped);
    run.stream.receive(now, sack);
    CHECK(run.stream.retransmitted() == 0);
    run.sent.clear();
    drain_ms(20);
    // What is left was overtaken, but for the last, and goes out again.
    std::vector<std::uint32_t> repeated, expected{0};
    for (const std::string& one : run.sent)
        repeated.push_back(parse_packet(*from_hex(one.substr(0, 2 * header_bytes)))->header.seq);
    for (std::uint32_t seq = 1; seq < 2 * sack.sack_ranges(); seq += 2) expected.push_back(seq);
    CHECK(repeated == expected);
}

TEST_CASE("one late acknowledgement is probed for, and no more until an RTT was measured") {
    const auto steps =
        steps_of(test::udx_vector("peer-reactions")["expected"]["ack_fast_then_delay_10ms"]);
    Run run(0);
    run.stream.connect(Time(1h), {.id = peer_id});
    std::uint32_t seq = 0;
    for (; seq < parse_packet(steps.front().bytes)->header.seq; ++seq) {  // before the log begins
        const Time now = Time(1h) + seq * 30ms;
        run.stream.write(now, as_bytes("x"));
        run.drain(now);
        run.stream.receive(now + 1ms,
                           {.header = {.window_bytes = 4 << 20, .ack = seq + 1}, .body = {}});
    }
    run.next_seq = seq;
    run.sent.clear();
    std::vector<std::string> expected;
    for (const Step& step : steps) {
        const Packet packet = *parse_packet(step.bytes);
        // What the clock brings forth by now, but for what the log has next.
        if (step.direction == "peer>real") {
            if (const auto due = run.stream.deadline(); due && *due < step.at) {
                run.stream.expire(*due);
                run.drain(*due);
            }
            CHECK(lines(run.sent) == lines(expected));
            run.stream.receive(step.at, packet);
            run.drain(step.at);
            continue;
        }
        expected.push_back(answer_text(step.bytes));
        if (packet.header.seq == run.next_seq) {
            run.provoke(step);
            continue;
        }
        const auto due = run.stream.deadline();
        REQUIRE(due);
        CHECK(std::chrono::abs(*due - step.at) < 4ms);
        run.stream.expire(*due);
        run.drain(*due);
    }
    CHECK(lines(run.sent) == lines(expected));
}
