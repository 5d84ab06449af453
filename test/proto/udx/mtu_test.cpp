// How large packets are, against captures of the reference implementation: the first flight of a
// stream, and the search for the largest size that the path takes.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "proto/udx/stream.hpp"
#include "test/proto/udx/captured.hpp"
#include "test/proto/udx/drain.hpp"

using namespace kp2p;
using namespace kp2p::proto::udx;
using test::drain;
using test::Sent;
using test::start;
using namespace std::chrono_literals;

namespace {

constexpr std::uint32_t a_id = 0x11111111, b_id = 0x22222222;
constexpr Span write_every = 40ms, one_way = 5ms;
constexpr int writes = 13;
constexpr std::size_t write_bytes = 3000;

enum class Padded { arrive, are_lost };

// What a writer at one end of a path has sent when it has written all.
struct Writer {
    Stream stream{a_id, test::like_reference()};
    std::vector<Sent> sent;

    explicit Writer(Padded padded) {
        Stream reader(b_id, test::like_reference());
        stream.connect(start, {.id = b_id});
        reader.connect(start, {.id = a_id});
        std::multimap<Time, std::pair<Stream*, ByteVector>> under_way;
        int written = 0;
        ByteVector unread(write_bytes);
        const ByteVector text(write_bytes, 'x');
        for (;;) {
            Time now = written < writes ? start + written * write_every : Time::max();
            if (!under_way.empty()) now = std::min(now, under_way.begin()->first);
            if (const auto deadline = stream.deadline()) now = std::min(now, *deadline);
            if (now == Time::max()) return;
            while (!under_way.empty() && under_way.begin()->first == now) {
                auto [to, bytes] = std::move(under_way.begin()->second);
                under_way.erase(under_way.begin());
                to->receive(now, *parse_packet(bytes));
                while (reader.read(unread) > 0) continue;
                for (Sent& answer : drain(reader, now))
                    under_way.emplace(now + one_way, std::pair(&stream, std::move(answer.bytes)));
            }
            stream.expire(now);
            if (written < writes && now == start + written * write_every) {
                stream.write(now, text);
                ++written;
            }
            for (Sent& packet : drain(stream, now)) {
                sent.push_back(packet);
                if (padded == Padded::are_lost && packet.header().extension_bytes > 0) continue;
                under_way.emplace(now + one_way, std::pair(&reader, std::move(packet.bytes)));
            }
        }
    }
};

std::string header_text(ByteView bytes) {
    return to_hex(bytes.first(header_bytes)) + " size " + std::to_string(bytes.size());
}

std::uint64_t final_mtu(const char* name) {
    return std::uint64_t(test::udx_vector(name)["expected"]["final_mtu"]);
}

}  // namespace

TEST_CASE("the search for a larger size goes through the reference's packets") {
    const Writer writer(Padded::arrive);
    const auto session = test::captured_session("mtu-search");
    REQUIRE(writer.sent.size() == session.size());
    for (std::size_t i = 0; i < session.size(); ++i) {
        CAPTURE(i);
        CHECK(header_text(writer.sent[i].bytes) == header_text(session[i].bytes));
    }
    CHECK(writer.stream.mtu_bytes() == final_mtu("mtu-search"));
}

TEST_CASE("a lost probe is repeated without padding, and three end the search") {
    const Writer writer(Padded::are_lost);
    std::vector<Sent> probes;  // and their repetitions, as the capture has only these
    std::uint32_t next_seq = 0;
    for (const Sent& packet : writer.sent) {
        const Header header = packet.header();
        if (header.extension_bytes > 0 || header.seq < next_seq) probes.push_back(packet);
        next_seq = std::max(next_seq, header.seq + 1);
    }
    const auto session = test::captured_session("mtu-probe-lost");
    REQUIRE(probes.size() == session.size());
    for (std::size_t i = 0; i < session.size(); ++i) {
        CAPTURE(i);
        CHECK(header_text(probes[i].bytes) == header_text(session[i].bytes));
        CHECK(session[i].dropped == (probes[i].header().extension_bytes > 0));
        if (i % 2 == 0) continue;
        const std::chrono::duration<double, std::milli> after = probes[i].at - probes[i - 1].at;
        CHECK(std::abs(after.count() - (session[i].at_ms - session[i - 1].at_ms)) < 3);
    }
    CHECK(writer.stream.mtu_bytes() == final_mtu("mtu-probe-lost"));
}

TEST_CASE("the first flight has the reference's sizes") {
    // The reference counts an IPv6 header for IPv4 too where its socket is of both.
    const struct {
        const char* name;
        std::size_t overhead_bytes;
    } rows[] = {{"ipv4_socket_to_ipv4", packet_overhead_bytes},
                {"ipv6_socket_to_ipv6", ipv6_overhead_bytes}};
    for (const auto& row : rows) {
        CAPTURE(row.name);
        Stream stream(a_id, test::like_reference());
        stream.connect(start, {.id = b_id, .overhead_bytes = row.overhead_bytes});
        stream.write(start, ByteVector(5000));
        std::vector<std::uint64_t> sizes, expected;
        for (const Sent& packet : drain(stream, start)) sizes.push_back(packet.bytes.size());
        const auto vector = test::udx_vector("first-packet-sizes");
        for (auto size : simdjson::dom::array(vector["expected"][row.name]))
            expected.push_back(std::uint64_t(size));
        CHECK(sizes == expected);
    }
}

TEST_CASE("a new path is not trusted with the old one's size") {
    Writer writer(Padded::arrive);
    const Time later = start + 1h;
    REQUIRE(writer.stream.mtu_bytes() == MtuSearch::internet_bytes);
    writer.stream.change_remote(later, {.id = b_id});
    writer.stream.write(later, ByteVector(5000));
    const auto sent = drain(writer.stream, later);
    CHECK(sent.size() == 5);
    for (const Sent& packet : sent)
        CHECK(packet.bytes.size() <= MtuSearch::base_bytes - packet_overhead_bytes + header_bytes);
}
