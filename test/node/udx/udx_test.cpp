#include "node/async/tasks.hpp"
#include "node/async/timeout.hpp"
#include "node/net/udp_socket.hpp"
#include "node/transport/udx_byte_stream.hpp"
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
        stream.connect({&port.socket(), other.port.socket().local()}, other.stream.id());
    }
    Clock& clock;
    UdxContext context;
    UdpPort port;
    UdxStream stream;
};

std::uint8_t byte_at(std::uint64_t offset, std::uint64_t seed) {
    return static_cast<std::uint8_t>((offset * 0x9e3779b97f4a7c15u + seed) >> 29);
}

// With a pause after each 100 kB.
Task<> write_slowly(Side& side, std::uint64_t size, std::uint64_t seed,
                    std::chrono::milliseconds pause) {
    ByteVector bytes;
    for (std::uint64_t at = 0; at < size; at += bytes.size()) {
        bytes.resize(std::min<std::uint64_t>(size - at, 100'000));
        for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = byte_at(at + i, seed);
        auto written = co_await side.stream.write(bytes);
        REQUIRE(written);
        if (pause == 0ms) continue;
        auto slept = co_await side.clock.sleep_for(pause);
        CHECK(slept);
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

Task<> write_all(Side& side, std::uint64_t size, std::uint64_t seed) {
    return write_slowly(side, size, seed, 0ms);
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
    b.stream.on_path([&](const UdxPath& path) {
        ++paths;
        CHECK(path.socket == &b.port.socket());
        b.stream.connect(path, a.stream.id());
    });
    a.connect(b);
    auto written = co_await a.stream.write(as_bytes("hello"));
    CHECK(written);
    ByteVector bytes(10);
    auto got = co_await b.stream.read_some(bytes);
    REQUIRE(got);
    CHECK(as_text(ByteView(bytes).first(*got)) == "hello");
    CHECK(paths == 1);
    CHECK(b.stream.path().remote == a.port.socket().local());
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
        const std::size_t window = proto::udx::StreamOptions().receive_window_bytes;
        CHECK(b.stream.machine().readable_bytes() > window / 4 * 3);
        CHECK(b.stream.machine().readable_bytes() <= window + 2000);  // and the one that fills it
        all.spawn(read_all(b, size, 7));
    };
    auto ended = co_await with_tasks(body);
    CHECK(ended);
}

// The stream's end at `a` moves to another socket; then the first one's host falls silent.
Task<> moves(test::Sim& sim, Side& a, Side& b, UdpPort& second) {
    a.connect(b);
    b.connect(a);
    const Endpoint first = a.port.socket().local();
    constexpr std::uint64_t size = 20'000'000;
    auto body = [&](Tasks& all) -> Task<> {
        // For a fifth of a second: an end whose end is sent does not follow.
        all.spawn(write_slowly(a, size, 1, 1ms));
        all.spawn(write_slowly(b, size, 2, 1ms));
        all.spawn(read_all(a, size, 2));
        all.spawn(read_all(b, size, 1));
        auto slept = co_await sim.clock().sleep_for(30ms);
        CHECK(slept);
        const auto moved_at = sim.clock().now();
        a.stream.change_remote({&second.socket(), b.port.socket().local()});
        CHECK(a.stream.path().socket == &a.port.socket());
        slept = co_await sim.clock().sleep_for(60ms);
        CHECK(a.stream.path().socket == &second.socket());
        CHECK(a.stream.path_since() > moved_at);
        CHECK(b.stream.path().remote == first);  // where a still hears it
        sim.kill(first);
    };
    auto ended = co_await with_tasks(body);
    CHECK(ended);
    CHECK(b.stream.path().remote == second.socket().local());
    CHECK(a.stream.machine().closed() == proto::udx::Closed::ended);
    CHECK(b.stream.machine().closed() == proto::udx::Closed::ended);
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
    std::span<const Datagram> take() override { return {}; }
    Task<Result<void>> arrived() override { co_return Errc::closed; }

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
TEST_CASE("a stream moves to another socket, and the other end follows it") {
    test::Sim sim(1, {.loss = 0, .min_latency = 5ms, .max_latency = 5ms});
    auto executor = sim.loop().get_executor();
    Side a(executor, sim.clock(), sim.open({{10, 0, 0, 1}, 1}), 1),
        b(executor, sim.clock(), sim.open({{10, 0, 0, 2}, 1}), 2);
    UdpPort second(sim.open({{10, 0, 0, 3}, 1}), a.context);
    auto body = [&](Tasks& all) -> Task<> {
        for (UdpPort* port : {&a.port, &b.port, &second}) all.spawn(port->read_loop());
        co_await moves(sim, a, b, second);
        all.cancel();
    };
    auto run = [&]() -> Task<> {
        auto ended = co_await with_tasks(body);
        CHECK(ended);
    };
    sim.run(run());
}
TEST_CASE("what keeps a socket open stays with its stream wherever the peer moves") {
    test::Sim sim(1, {.loss = 0, .min_latency = 5ms, .max_latency = 5ms});
    auto executor = sim.loop().get_executor();
    Side a(executor, sim.clock(), sim.open({{10, 0, 0, 1}, 1}), 1),
        b(executor, sim.clock(), sim.open({{10, 0, 0, 2}, 1}), 2);
    std::vector<std::unique_ptr<UdpPort>> ports;
    for (std::uint8_t i = 0; i < 2 * proto::udx::Stream::max_paths; i++)
        ports.push_back(std::make_unique<UdpPort>(sim.open({{10, 0, 1, i}, 1}), a.context));
    auto keeper = std::make_shared<int>();
    const std::weak_ptr<int> kept = keeper;
    auto body = [&](Tasks& all) -> Task<> {
        for (UdpPort* port : {&a.port, &b.port}) all.spawn(port->read_loop());
        for (const auto& port : ports) all.spawn(port->read_loop());
        a.connect(b);
        b.stream.connect({&b.port.socket(), a.port.socket().local(), std::move(keeper)},
                         a.stream.id());
        const std::uint8_t byte[] = {1};
        Endpoint last = a.port.socket().local();
        for (const auto& port : ports) {
            const Endpoint next = port->socket().local();
            a.stream.change_remote({&port->socket(), b.port.socket().local()});
            for (int i = 0; i < 500 && b.stream.path().remote != next; i++) {
                if (a.stream.path().socket == &port->socket()) sim.kill(last);
                auto asked = co_await a.stream.write(byte);
                auto answered = co_await b.stream.write(byte);
                auto slept = co_await sim.clock().sleep_for(20ms);
                CHECK((asked && answered && slept));
            }
            CHECK(b.stream.path().remote == next);
            CHECK(!kept.expired());
            last = next;
        }
        all.cancel();
    };
    auto run = [&]() -> Task<> {
        auto ended = co_await with_tasks(body);
        CHECK(ended);
    };
    sim.run(run());
}
TEST_CASE("a socket that goes away takes only the streams that use it") {
    asio::io_context loop{1};
    UdxContext context(loop.get_executor(), wall, 1);
    CountingSocket first, second, third;
    UdxStream stream(context);
    const Endpoint remote = Endpoint::loopback(9);
    stream.connect({&first, remote}, 7);
    stream.change_remote({&second, remote});
    context.flush();
    CHECK(second.sent > 0);
    CHECK(stream.path().socket == &first);
    context.forget(second);
    context.forget(third);
    CHECK(stream.machine().closed() == proto::udx::Closed::no);
    context.forget(first);
    CHECK(stream.machine().closed() == proto::udx::Closed::destroyed);
}
TEST_CASE("a path says how a stream runs") {
    struct Row {
        Endpoint remote;
        Path::Kind kind;
    };
    const Row rows[] = {
        {{{8, 8, 8, 8}, 1}, Path::Kind::direct},  {{{172, 32, 0, 1}, 1}, Path::Kind::direct},
        {{{172, 31, 0, 1}, 1}, Path::Kind::lan},  {{{192, 168, 3, 4}, 1}, Path::Kind::lan},
        {{{169, 254, 3, 4}, 1}, Path::Kind::lan}, {{{10, 1, 2, 3}, 1}, Path::Kind::lan},
        {Endpoint::loopback(1), Path::Kind::lan}};
    asio::io_context loop{1};
    UdxContext context(loop.get_executor(), wall, 1);
    CountingSocket socket;
    for (const Row& row : rows) {
        CAPTURE(row.remote.text());
        const auto before = wall.now();
        UdxByteStream stream(context);
        stream.connect({&socket, row.remote}, {.id = 7});
        const Path path = stream.path();
        CHECK(path.kind == row.kind);
        CHECK(path.transport == Path::Transport::udx);
        CHECK(path.local == socket.local());
        CHECK(path.remote == row.remote);
        CHECK(!path.rtt);
        CHECK(path.since >= before);
    }
}
TEST_CASE("a read can be cancelled") { test::run(with_pair(cancel_read)); }
