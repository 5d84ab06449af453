// interop-swarm BOOTSTRAP HOST SEED raw|swarm: a node of ours that a script drives. Reads one
// command a line, writes JSON objects, one a line; ends with its stdin. Bytes are hex.
// raw: connections without Protomux. Each side sends a number of bytes and ends; what came is told
// as {"received":N,"hash":BLAKE2b-256,"remote":KEY}. Accepted ones send BYTES of the last `send`.
//   send BYTES              connect KEY BYTES
// swarm: connections with one channel "test", on which each message is sent back.
//   join TOPIC   leave TOPIC   connect KEY   count
#include <sodium.h>

#include <asio/posix/stream_descriptor.hpp>
#include <asio/read_until.hpp>
#include <asio/streambuf.hpp>
#include <cstdio>
#include <istream>
#include <sstream>

#include "node/async/tasks.hpp"
#include "node/async/timeout.hpp"
#include "node/net/udp_socket.hpp"
#include "node/swarm/swarm.hpp"
#include "proto/record/secret_stream.hpp"
#include "test/runtime.hpp"

using namespace kp2p;

namespace {

constexpr std::size_t message_bytes = 65536;

void say(const std::string& line) { std::puts(line.c_str()); }

struct Node {
    test::RealRuntime real;
    UdxContext udx;
    UdpPort server, client;
    proto::KeyPair keys;
    Dht dht;

    static std::unique_ptr<Datagrams> open(Executor executor, const char* host) {
        const Endpoint any = *Endpoint::parse(std::string(host) + ":0");
        auto socket = UdpSocket::open(executor, any);
        if (!socket) std::exit(1);
        return std::move(*socket);
    }
    Node(Executor e, char** argv, DhtSetup setup)
        : real(e),
          udx(e, real.clock, real.random.number()),
          server(open(e, argv[2]), udx),
          client(open(e, argv[2]), udx),
          keys(proto::KeyPair::from_seed(*proto::Seed::from_hex(argv[3]))),
          dht(real.runtime, server, client, setup) {
        real.runtime.log = [](const char*, const std::string& line) {
            std::fprintf(stderr, "%s\n", line.c_str());
        };
    }
};

// ---- raw ----

class Raw {
  public:
    Raw(Node& node, Tasks& all)
        : node_(node),
          all_(all),
          announcer_(node.dht, node.keys),
          acceptor_({node.real.runtime, node.dht, node.udx, announcer_, node.keys,
                     [](const NodeId&) { return true; },
                     [this](Link link) { accepted(std::move(link)); }}),
          dialer_({node.real.runtime, node.dht, node.udx, node.keys}) {
        all.spawn(announcer_.run());
        all.spawn(acceptor_.run());
    }
    Task<Result<void>> ready() { return announcer_.announced(); }
    Task<Result<void>> farewell() { co_return ok; }

    Task<> carry_out(std::string command, std::string a, std::string b) {
        if (command == "send") to_send_ = std::stoull(a);
        if (command != "connect") co_return;
        Findings why;
        const auto key = *NodeId::from_hex(a);
        std::vector<Endpoint> no_relays;
        auto link = co_await dialer_.dial(key, no_relays, why);
        if (!link) co_return say("{\"error\":\"" + why.text() + "\"}");
        auto shared = std::make_shared<Link>(std::move(*link));
        all_.spawn(exchange(shared, std::stoull(b)));
    }

  private:
    void accepted(Link link) {
        all_.spawn(exchange(std::make_shared<Link>(std::move(link)), to_send_));
    }

    Task<> exchange(std::shared_ptr<Link> link, std::uint64_t bytes) {
        SecureStream stream(
            node_.real.runtime.executor, node_.real.clock, std::move(link->stream),
            proto::secret_stream(link->keys, node_.real.random.bytes<proto::StreamHeader>()));
        stream.allow_large_frames();
        auto done = co_await with_tasks([&](Tasks& both) -> Task<> {
            both.spawn(write(stream));
            both.spawn(make(stream, bytes));
            both.spawn(read(stream, link->keys.remote));
            co_return;
        });
        (void)done;
    }
    Task<> write(SecureStream& stream) {
        auto written = co_await stream.write_loop();
        if (!written) co_return;
        auto finished = co_await stream.stream().finish();
        (void)finished;
    }
    Task<> make(SecureStream& stream, std::uint64_t bytes) {
        ByteVector message(message_bytes);
        for (std::size_t i = 0; i < message.size(); i++)
            message[i] = static_cast<std::uint8_t>(i * 31 >> 3);
        while (bytes > 0) {
            auto writable = co_await stream.writable();
            if (!writable) co_return;
            message.resize(std::min<std::uint64_t>(bytes, message_bytes));
            bytes -= message.size();
            const ByteView part(message);
            stream.write({&part, 1});
        }
        stream.end_writes();
    }
    Task<> read(SecureStream& stream, NodeId remote) {
        crypto_generichash_state state;
        crypto_generichash_init(&state, nullptr, 0, 32);
        std::uint64_t received = 0;
        for (;;) {
            auto message = co_await stream.read();
            if (!message) break;
            received += message->size();
            crypto_generichash_update(&state, message->data(), message->size());
        }
        Hash32 hash;
        crypto_generichash_final(&state, hash.data(), Hash32::size_bytes);
        say("{\"received\":" + std::to_string(received) + ",\"hash\":\"" + hash.hex() +
            "\",\"remote\":\"" + remote.hex() + "\"}");
    }

    Node& node_;
    Tasks& all_;
    Announcer announcer_;
    Acceptor acceptor_;
    Dialer dialer_;
    std::uint64_t to_send_ = 0;
};

// ---- swarm ----

// Until the other side closes the channel: then the connection is closed, in order.
Task<> echo(std::shared_ptr<Connection> connection) {
    const std::string key = connection->remote().hex();
    say("{\"connected\":\"" + key + "\"}");
    connection->trust();
    auto channel = co_await connection->open("test", ByteVector(), ByteVector());
    while (channel) {
        auto message = co_await (*channel)->receive();
        if (!message) break;
        auto sent = co_await (*channel)->send(message->type, message->payload);
        if (!sent) break;
    }
    // A node that knows no such channel may be here for something else.
    if (channel) connection->close();
    auto ended = co_await connection->closed();
    say("{\"closed\":\"" + key + "\",\"why\":\"" + ended.error().message() + "\"}");
}

class Swarming {
  public:
    Swarming(Node& node, Tasks& all)
        : clock_(node.real.clock),
          swarm_({.runtime = node.real.runtime,
                  .dht = node.dht,
                  .udx = node.udx,
                  .keys = node.keys,
                  .serve = echo,
                  .use_of = nullptr}) {
        all.spawn(swarm_.run());
    }
    Task<Result<void>> ready() { co_return ok; }
    Task<Result<void>> farewell() {
        return with_timeout(clock_, std::chrono::seconds(1), swarm_.farewell());
    }

    Task<> carry_out(std::string command, std::string a, std::string) {
        if (command == "join") swarm_.join(*Topic::from_hex(a));
        if (command == "leave") swarm_.leave(*Topic::from_hex(a));
        if (command == "count")
            say("{\"count\":" + std::to_string(swarm_.connections().size()) + "}");
        if (command == "connect") {
            const auto key = *NodeId::from_hex(a);
            auto connection = co_await swarm_.connect(key);
            if (connection) co_return;
            const auto why = swarm_.why_not(key);
            say("{\"error\":\"" + (why.empty() ? "" : sentence_of(why.front())) + "\"}");
        }
    }

  private:
    Clock& clock_;
    Swarm swarm_;
};

// ---- both ----

template <class Driver>
Task<> drive(Node& node, Tasks& all) {
    all.spawn(node.dht.run());
    auto entered = co_await node.dht.bootstrap();
    if (!entered) co_return all.cancel();
    Driver driver(node, all);
    auto ready = co_await driver.ready();
    if (!ready) co_return all.cancel();
    say("{\"ready\":true}");
    asio::posix::stream_descriptor input(node.real.runtime.executor, ::dup(0));
    asio::streambuf buffer;
    for (;;) {
        auto [error, size] = co_await asio::async_read_until(input, buffer, '\n', use_result);
        if (error) break;
        std::istream stream(&buffer);
        std::string line, command, a, b;
        std::getline(stream, line);
        std::istringstream words(line);
        words >> command >> a >> b;
        co_await driver.carry_out(command, a, b);
    }
    auto gone = co_await driver.farewell();
    (void)gone;
    all.cancel();
    while (all.size() > 1) co_await asio::post(asio::use_awaitable);
}

// The node lives in here: what its sockets and streams leave behind must not hold up the loop.
Task<> serve(char** argv) {
    DhtSetup setup;
    setup.bootstrap.push_back(*parse_bootstrap(argv[1]));
    Node node(co_await asio::this_coro::executor, argv, setup);
    const std::string mode = argv[4];
    auto body = [&](Tasks& all) -> Task<> {
        co_await asio::this_coro::throw_if_cancelled(false);
        if (mode == "raw") co_await drive<Raw>(node, all);
        if (mode == "swarm") co_await drive<Swarming>(node, all);
    };
    auto done = co_await with_tasks(body);
    (void)done;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 5) return 2;
    std::setvbuf(stdout, nullptr, _IOLBF, 0);
    asio::io_context loop{1};
    std::exception_ptr thrown;
    asio::co_spawn(loop, serve(argv), [&](std::exception_ptr e) { thrown = e; });
    loop.run();
    return thrown ? 1 : 0;
}
