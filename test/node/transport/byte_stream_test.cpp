// What a ByteStream promises, over each kind there is.
#include "node/async/timeout.hpp"
#include "node/net/udp_socket.hpp"
#include "node/transport/tcp_streams.hpp"
#include "node/transport/udx_byte_stream.hpp"
#include "node/udx/udp_port.hpp"
#include "test/node/transport/memory_stream.hpp"
#include "test/run.hpp"

using namespace kp2p;
using namespace std::chrono_literals;

namespace {

SteadyClock byte_clock;

using StreamBody = Task<> (*)(ByteStream& a, ByteStream& b, Path::Transport transport);

Task<> over_memory(StreamBody body) {
    auto streams = test::stream_pair(co_await asio::this_coro::executor);
    co_await body(*streams.initiator, *streams.responder, Path::Transport::memory);
}

Task<> over_udx(StreamBody body) {
    auto executor = co_await asio::this_coro::executor;
    UdxContext first(executor, byte_clock, 1), second(executor, byte_clock, 2);
    UdpPort here(*UdpSocket::open(executor, Endpoint::loopback(0)), first),
        there(*UdpSocket::open(executor, Endpoint::loopback(0)), second);
    auto all = [&](Tasks& tasks) -> Task<> {
        tasks.spawn(here.read_loop());
        tasks.spawn(there.read_loop());
        UdxByteStream a(first), b(second);
        a.connect({&here.socket(), there.socket().local()}, {b.id()});
        b.connect({&there.socket(), here.socket().local()}, {a.id()});
        co_await body(a, b, Path::Transport::udx);
        tasks.cancel();
    };
    auto ended = co_await with_tasks(all);
    CHECK(ended);
}

Task<> over_tcp_at(StreamBody body, Host host) {
    auto executor = co_await asio::this_coro::executor;
    auto here = TcpStreams::open(executor, byte_clock, {host, 0}),
         there = TcpStreams::open(executor, byte_clock, {host, 0});
    REQUIRE(here);
    REQUIRE(there);
    auto a = co_await (*here)->connect((*there)->local());
    REQUIRE(a);
    auto b = co_await (*there)->accept();
    REQUIRE(b);
    CHECK((*a)->path().remote == (*there)->local());
    CHECK((*b)->path().local == (*there)->local());
    CHECK((*b)->path().remote == (*a)->path().local);
    CHECK((*a)->path().kind == Path::Kind::lan);
    co_await body(**a, **b, Path::Transport::tcp);
}
Task<> over_tcp(StreamBody body) { return over_tcp_at(body, {127, 0, 0, 1}); }
Task<> over_tcp6(StreamBody body) { return over_tcp_at(body, Host::loopback_v6()); }

bool is_there(Host host) {
    asio::io_context loop;
    return bool(TcpStreams::open(loop.get_executor(), byte_clock, {host, 0}));
}

void over_each(StreamBody body) {
    test::run(over_memory(body));
    test::run(over_udx(body));
    test::run(over_tcp(body));
    if (is_there(Host::loopback_v6())) test::run(over_tcp6(body));
}

std::uint8_t nth(std::size_t at) { return static_cast<std::uint8_t>(at * 7 + (at >> 10)); }

Task<> pour(ByteStream& into, std::size_t size, std::size_t& poured) {
    ByteVector bytes(65536);
    while (poured < size) {
        for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = nth(poured + i);
        auto written = co_await into.write(bytes);
        if (!written) co_return;
        poured += bytes.size();
    }
    auto finished = co_await into.finish();
    CHECK(finished);
}

Task<std::size_t> drain(ByteStream& from) {
    ByteVector bytes(50'000);
    std::size_t at = 0;
    for (;;) {
        auto got = co_await from.read_some(bytes);
        REQUIRE(got);
        if (*got == 0) co_return at;
        bool right = true;
        for (std::size_t i = 0; i < *got; ++i) right = right && bytes[i] == nth(at + i);
        REQUIRE(right);
        at += *got;
    }
}

constexpr std::size_t much = 64 << 20;

Task<> both_ways(ByteStream& a, ByteStream& b, Path::Transport transport) {
    constexpr std::size_t size = 4 << 20;
    std::size_t there = 0, back = 0;
    auto body = [&](Tasks& all) -> Task<> {
        all.spawn(pour(a, size, there));
        all.spawn(pour(b, size, back));
        const std::size_t at_b = co_await drain(b);
        CHECK(at_b == size);
        const std::size_t at_a = co_await drain(a);
        CHECK(at_a == size);
    };
    auto ended = co_await with_tasks(body);
    CHECK(ended);
    CHECK(a.path().transport == transport);
}

// The writer waits for a reader that does not read, holds little, and goes on when it does.
Task<> holds_back(ByteStream& a, ByteStream& b, Path::Transport) {
    std::size_t poured = 0, drained = 0;
    auto writing = [&](Tasks& all) -> Task<> {
        all.spawn(pour(a, much, poured));
        auto slept = co_await byte_clock.sleep_for(100ms);
        CHECK(slept);
        CHECK(poured < much / 2);
        drained = co_await drain(b);
    };
    auto ended = co_await with_tasks(writing);
    CHECK(ended);
    CHECK(drained == much);
}

// One direction may end while the other goes on.
Task<> half_ends(ByteStream& a, ByteStream& b, Path::Transport) {
    std::size_t poured = 0;
    auto body = [&](Tasks& all) -> Task<> {
        all.spawn(pour(a, 65536, poured));
        const std::size_t drained = co_await drain(b);
        CHECK(drained == 65536);
    };
    auto ended = co_await with_tasks(body);
    CHECK(ended);
    auto written = co_await b.write(as_bytes("back"));
    CHECK(written);
    ByteVector bytes(10);
    auto got = co_await a.read_some(bytes);
    REQUIRE(got);
    CHECK(as_text(ByteView(bytes).first(*got)) == "back");
}

Task<> destroyed(ByteStream& a, ByteStream& b, Path::Transport) {
    auto written = co_await a.write(as_bytes("x"));
    CHECK(written);
    ByteVector bytes(10);
    auto got = co_await b.read_some(bytes);
    CHECK(got);
    a.destroy();
    auto after = co_await b.read_some(bytes);
    CHECK(!after);  // not an orderly end
    auto more = co_await a.read_some(bytes);
    CHECK(!more);
    auto again = co_await a.write(as_bytes("x"));
    CHECK(!again);
    CHECK(a.path().remote.port != 0);
}

// Whoever waits for bytes can be called off, and the stream goes on.
Task<> read_called_off(ByteStream& a, ByteStream& b, Path::Transport) {
    ByteVector bytes(10);
    auto limited = with_timeout(byte_clock, 10ms, b.read_some(bytes));
    auto none = co_await std::move(limited);
    CHECK(none.error() == Errc::timed_out);
    auto written = co_await a.write(as_bytes("late"));
    CHECK(written);
    auto got = co_await b.read_some(bytes);
    REQUIRE(got);
    CHECK(as_text(ByteView(bytes).first(*got)) == "late");
}

Task<> measures_rtt(ByteStream& a, ByteStream& b, Path::Transport transport) {
    std::size_t poured = 0;
    auto body = [&](Tasks& all) -> Task<> {
        all.spawn(pour(a, 1 << 20, poured));
        co_await drain(b);
    };
    auto ended = co_await with_tasks(body);
    CHECK(ended);
    if (transport == Path::Transport::memory) co_return;
    REQUIRE(a.path().rtt);
    CHECK(*a.path().rtt < 10s);
}

}  // namespace

TEST_CASE("bytes arrive whole and in order, both ways at once") { over_each(both_ways); }
TEST_CASE("a writer waits for the reader") { over_each(holds_back); }
TEST_CASE("one direction may end before the other") { over_each(half_ends); }
TEST_CASE("a destroyed stream is no orderly end") { over_each(destroyed); }
TEST_CASE("a read that is called off takes no byte") { over_each(read_called_off); }
TEST_CASE("a path knows how long it takes") { over_each(measures_rtt); }
