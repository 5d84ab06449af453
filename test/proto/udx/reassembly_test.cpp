#include "proto/udx/reassembly.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace kp2p;
using namespace kp2p::proto::udx;

namespace {

constexpr std::size_t window = 1000;
const std::uint64_t first = widen_first(0);

bool put(Reassembly& in, std::uint64_t seq, std::string_view text) {
    return in.accept({.seq = first + seq, .is_end = false, .bytes = as_bytes(text)});
}

std::string take(Reassembly& in) {
    std::string text(in.readable().size(), 0);
    in.readable().read({reinterpret_cast<std::uint8_t*>(text.data()), text.size()});
    return text;
}

std::string sack(const Reassembly& in, std::size_t max_ranges) {
    ByteVector bytes(max_ranges * sack_range_bytes);
    bytes.resize(in.write_sack(bytes) * sack_range_bytes);
    ByteVector packet_bytes(header_bytes);
    write_header({.flags = flag::sack}, std::span(packet_bytes).first<header_bytes>());
    packet_bytes.insert(packet_bytes.end(), bytes.begin(), bytes.end());
    const Packet packet = *parse_packet(packet_bytes);
    std::string text;
    for (std::size_t i = 0; i < packet.sack_ranges(); ++i) {
        const SackRange range = packet.sack_range(i);
        text += std::to_string(range.start) + '-' + std::to_string(range.end) + ' ';
    }
    return text;
}

}  // namespace

TEST_CASE("packets in any order become bytes in order") {
    Reassembly in(first, window);
    CHECK(put(in, 2, "c"));
    CHECK(put(in, 4, "e"));
    CHECK(sack(in, 10) == "2-3 4-5 ");
    CHECK(put(in, 3, "d"));
    CHECK(sack(in, 10) == "2-5 ");
    CHECK(put(in, 3, "x"));  // a repetition, even a false one, changes nothing
    CHECK(put(in, 0, "a"));
    CHECK(take(in) == "a");
    CHECK(put(in, 1, "b"));
    CHECK(take(in) == "bcde");
    CHECK(in.next_seq() == first + 5);
    CHECK(!in.has_gap());
    CHECK(put(in, 1, "b"));
    CHECK(take(in).empty());
}

TEST_CASE("the end is reported when everything before it is here") {
    Reassembly in(first, window);
    CHECK(in.accept({.seq = first + 1, .is_end = true, .bytes = as_bytes("b")}));
    CHECK(!in.ended());
    CHECK(put(in, 2, "beyond"));  // the end: answered, not delivered
    CHECK(put(in, 0, "a"));
    CHECK(in.ended());
    CHECK(take(in) == "ab");
    CHECK(in.next_seq() == first + 2);
}

TEST_CASE("an end that contradicts what has arrived is dropped") {
    Reassembly in(first, window);
    CHECK(put(in, 5, "f"));
    CHECK(!in.accept({.seq = first + 2, .is_end = true, .bytes = {}}));
    CHECK(!in.ended());
}

TEST_CASE("of too many ranges the middle is left out") {
    Reassembly in(first, 1'000'000);
    for (std::uint64_t seq = 1; seq < 20; seq += 2) CHECK(put(in, seq, "x"));
    CHECK(sack(in, 4) == "1-2 3-4 17-18 19-20 ");
    CHECK(sack(in, 100).size() == sack(in, 10).size());
}

TEST_CASE("what waits behind a gap is bounded") {
    Reassembly in(first, window);
    CHECK(!put(in, Reassembly::max_packets_ahead + 1, "x"));
    const std::string big(1000, 'x');
    std::uint64_t seq = 1;
    while (seq < 2000 && put(in, seq, big)) ++seq;
    CHECK(seq < 400);
    CHECK(in.window_bytes() == 0);
    // The packet that closes the gap still finds room.
    CHECK(put(in, 0, big));
    CHECK(in.next_seq() == first + seq);
    CHECK(take(in).size() == seq * 1000);
    CHECK(in.window_bytes() == window);
}

TEST_CASE("bytes nobody reads are bounded") {
    Reassembly in(first, window);
    const std::string big(1000, 'x');
    std::uint64_t seq = 0;
    while (seq < 2000 && put(in, seq, big)) ++seq;
    CHECK(seq < 400);
    CHECK(in.next_seq() == first + seq);  // what was refused was not acknowledged
}
