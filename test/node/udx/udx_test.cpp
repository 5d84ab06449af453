#include "node/async/tasks.hpp"
#include "node/async/timeout.hpp"
#include "node/net/udp_socket.hpp"
#include "node/udx/udp_port.hpp"
#include "node/udx/udx_stream.hpp"
#include "test/proto/udx/captured.hpp"
#include "test/run.hpp"
#include "test/sim/sim.hpp"

using namespace kp2p;
using namespace std::chrono_literals;

namespace {

SteadyClock wall;

// One end of a stream with a context and a port of its own.
struct Side {
    Side(Executor executor, Clock& clock, std::unique_ptr<Datagrams> socket, std::uint64_t seed)
        : clock(clock),
          context(executor, clock, seed),
          port(std::move(socket), context),
          stream(context) {}
    void connect(Side& other) {
        stream.connect(port.socket(), other.stream.id(), other.port.socket().local());
    }
    Clock& clock;
    UdxContext context;
    UdpPort port;
    UdxStream stream;
};

std::uint8_t byte_at(std::uint64_t offset, std::uint64_t seed) {
    return static_cast<std::uint8_t>((offset * 0x9e3779b97f4a7c15u + seed) >> 29);
}

Task<> write_all(Side& side, std::uint64_t size, std::uint64_t seed) {
    ByteVector bytes;
    for (std::uint64_t at = 0; at < size; at += bytes.size()) {
        bytes.resize(std::min<std::uint64_t>(size - at, 100'000));
        for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = byte_at(at + i, seed);
        auto written = co_await side.stream.write(bytes);
        REQUIRE(written);
    }
    auto finished = co_await side.stream.finish();
    CHECK(finished);
}

Task<> read_all(Side& side, std::uint64_t size, std::uint64_t seed) {
    ByteVector bytes(50'000);
    std::uint64_t at = 0;
    for (;;) {
        auto got = co_await side.stream.read_some(bytes);
        REQUIRE(got);
        if (*got == 0) break;
        bool right = true;
        for (std::size_t i = 0; i < *got; ++i) right = right && bytes[i] == byte_at(at + i, seed);
        REQUIRE(right);
        at += *got;
    }
    CHECK(at == size);
}

using Body = Task<> (*)(Side& a, Side& b);

Task<> between(Side& a, Side& b, Body body) {
    auto all = [&](Tasks& tasks) -> Task<> {
        tasks.spawn(a.port.read_loop());
        tasks.spawn(b.port.read_loop());
        co_await body(a, b);
        tasks.cancel();
    };
    auto ended = co_await with_tasks(all);
    CHECK(ended);
}

// Over real sockets.
Task<> with_pair(Body body) {
    auto executor = co_await asio::this_coro::executor;
    auto open = [&] { return *UdpSocket::open(executor, Endpoint::loopback(0)); };
    Side a(executor, wall, open(), 1), b(executor, wall, open(), 2);
    co_await between(a, b, body);
}

// In a simulated world, where time passes only when everybody waits.
void simulate_pair(Body body) {
    test::Sim sim(1, {.loss = 0, .min_latency = 5ms, .max_latency = 5ms});
    const Endpoint first{{10, 0, 0, 1}, 1}, second{{10, 0, 0, 2}, 1};
    auto executor = sim.loop().get_executor();
    Side a(executor, sim.clock(), sim.open(first), 1),
        b(executor, sim.clock(), sim.open(second), 2);
    sim.run(between(a, b, body));
}

Task<> transfers(Side& a, Side& b) {
    a.connect(b);
    b.connect(a);
    constexpr std::uint64_t size = 20'000'000;
    auto body = [&](Tasks& all) -> Task<> {
        all.spawn(write_all(a, size, 1));
        all.spawn(write_all(b, size + 1, 2));
        all.spawn(read_all(a, size + 1, 2));
        all.spawn(read_all(b, size, 1));
        co_return;
    };
    auto ended = co_await with_tasks(body);
    CHECK(ended);
    CHECK(a.stream.machine().closed() == proto::udx::Closed::ended);
    CHECK(b.stream.machine().closed() == proto::udx::Closed::ended);
    CHECK(a.context.streams() == 0);
}

Task<> learns_path(Side& a, Side& b) {
    int paths = 0;
    b.stream.on_path([&](Datagrams& socket, const Endpoint& from) {
        ++paths;
        CHECK(&socket == &b.port.socket());
        b.stream.connect(socket, a.stream.id(), from);
    });
    a.connect(b);
    auto written = co_await a.stream.write(as_bytes("hello"));
    CHECK(written);
    ByteVector bytes(10);
    auto got = co_await b.stream.read_some(bytes);
    REQUIRE(got);
    CHECK(as_text(ByteView(bytes).first(*got)) == "hello");
    CHECK(paths == 1);
    CHECK(b.stream.remote() == a.port.socket().local());
}

// What a packet that the reference was sent is to its owner of streams.
ByteVector sent_to_reference(std::string_view reaction) {
    const auto log = test::udx_vector("peer-reactions")["expected"][reaction]["log"];
    return *from_hex(std::string_view(simdjson::dom::array(log).at(0)["hex"]));
}

Task<> strangers_are_dropped(Side& a, Side& b) {
    const ByteVector unknown = sent_to_reference("unknown_id");
    CHECK(!b.context.receive(b.port.socket(), {a.port.socket().local(), unknown}));
    // Nobody asked b's stream to learn a path, so this "hi", its packet 0, must not be read.
    ByteVector early = sent_to_reference("preconnect_firewalled");
    for (std::size_t i = 0; i < 4; ++i)
        early[4 + i] = static_cast<std::uint8_t>(b.stream.id() >> 8 * i);
    CHECK(b.context.receive(b.port.socket(), {a.port.socket().local(), early}));
    a.connect(b);
    b.connect(a);
    auto written = co_await a.stream.write(as_bytes("hello"));
    CHECK(written);
    ByteVector bytes(10);
    auto got = co_await b.stream.read_some(bytes);
    REQUIRE(got);
    CHECK(as_text(ByteView(bytes).first(*got)) == "hello");
}

Task<> destroy_resets(Side& a, Side& b) {
    a.connect(b);
    b.connect(a);
    auto written = co_await a.stream.write(as_bytes("hello"));
    CHECK(written);
    ByteVector bytes(10);
    auto got = co_await b.stream.read_some(bytes);
    CHECK(got);
    a.stream.destroy();
    got = co_await b.stream.read_some(bytes);
    CHECK(got.error() == asio::error::connection_reset);
    got = co_await a.stream.read_some(bytes);
    CHECK(got.error() == Errc::closed);
    written = co_await b.stream.write(as_bytes("x"));
    CHECK(written.error() == asio::error::connection_reset);
    auto finished = co_await b.stream.finish();
    CHECK(finished.error() == asio::error::connection_reset);
}

// A reader that does not read stops the writer, and lets it go on when it does.
Task<> slow_reader(Side& a, Side& b) {
    a.connect(b);
    b.connect(a);
    constexpr std::uint64_t size = 12'000'000;
    auto body = [&](Tasks& all) -> Task<> {
        all.spawn(write_all(a, size, 7));
        // Far longer than all of it takes when nothing stops it.
        auto slept = co_await a.clock.sleep_for(10s);
        CHECK(slept);
        CHECK(b.stream.machine().readable_bytes() > (3 << 20));
        CHECK(b.stream.machine().readable_bytes() <=
              (4 << 20) + 2000);  // and the packet that fills it
        all.spawn(read_all(b, size, 7));
    };
    auto ended = co_await with_tasks(body);
    CHECK(ended);
}

Task<> cancel_read(Side& a, Side& b) {
    a.connect(b);
    ByteVector bytes(10);
    auto got = co_await with_timeout(wall, 2ms, a.stream.read_some(bytes));
    CHECK(got.error() == Errc::timed_out);
}

// Counts what is sent.
class CountingSocket final : public Datagrams {
  public:
    Endpoint local() const override { return Endpoint::loopback(1); }
    void send(const Endpoint&, ByteView) override { sent++; }
    void send_with_ttl(const Endpoint&, ByteView, int) override { sent++; }
    void send_segments(const Endpoint&, std::span<const ByteView>, std::size_t) override { sent++; }
    Task<Result<std::span<const Datagram>>> receive() override { co_return Errc::closed; }

    std::size_t sent = 0;
};

}  // namespace

TEST_CASE("a closed stream answers who still asks, not another's last word") {
    namespace flag = proto::udx::flag;
    struct Row {
        const char* name;
        std::uint8_t flags;
        std::size_t answers;
    };
    const Row rows[] = {{"acknowledgement", 0, 0},
                        {"SACK", flag::sack, 0},
                        {"DESTROY", flag::destroy, 0},
                        {"DATA", flag::data, 1},
                        {"DATA and END", flag::data | flag::end, 1},
                        {"END", flag::end, 1},
                        {"HEARTBEAT", flag::heartbeat, 1}};
    for (const Row& row : rows) {
        CAPTURE(row.name);
        CountingSocket socket;
        UdxLinger linger;
        UdxLinger::Entry entry;
        entry.socket = &socket;
        linger.add(wall.now(), 7, entry);
        proto::udx::Header header;
        header.flags = row.flags;
        header.receiver_id = 7;
        CHECK(linger.answer(wall.now(), header));
        CHECK(socket.sent == row.answers);
        header.receiver_id = 8;
        CHECK_FALSE(linger.answer(wall.now(), header));
    }
}

TEST_CASE("a stream carries bytes both ways and closes in order") {
    test::run(with_pair(transfers));
}
TEST_CASE("the first packet tells where the peer is") { test::run(with_pair(learns_path)); }
TEST_CASE("packets for no stream, and for one that expects nobody, are dropped") {
    test::run(with_pair(strangers_are_dropped));
}
TEST_CASE("destroy resets the peer") { test::run(with_pair(destroy_resets)); }
TEST_CASE("a slow reader stops the writer for a while") { simulate_pair(slow_reader); }
TEST_CASE("a read can be cancelled") { test::run(with_pair(cancel_read)); }
