// nat-peer BOOTSTRAP HOST SEED: a node that accepts connections under the key of SEED (hex), greets
// whoever connects, and connects itself. Reads commands, one a line, and writes a JSON object for
// each:
//   connect KEY [RELAY]...   {"ms":N,"remote":"1.2.3.4:5","local":"..."} at the first byte of the
//                            peer's greeting, which only it could have sealed, or {"error":"..."}
#include <asio/posix/stream_descriptor.hpp>
#include <asio/read_until.hpp>
#include <asio/streambuf.hpp>
#include <cstdio>
#include <istream>
#include <sstream>

#include "node/async/tasks.hpp"
#include "node/async/timeout.hpp"
#include "node/net/udp_socket.hpp"
#include "node/reach/acceptor.hpp"
#include "node/reach/dialer.hpp"
#include "node/reach/socket_pool.hpp"
#include "node/transport/secure_stream.hpp"
#include "proto/record/secret_stream.hpp"
#include "test/runtime.hpp"

using namespace kp2p;

namespace {

constexpr std::chrono::seconds max_greeting{20};

void say(const std::string& line) { std::puts(line.c_str()); }

class Peer {
  public:
    Peer(Executor executor, char** argv)
        : real_(executor),
          udx_(executor, real_.clock, real_.random.number()),
          any_(*Endpoint::parse(std::string(argv[2]) + ":0")),
          server_(open(executor), udx_),
          client_(open(executor), udx_),
          keys_(proto::KeyPair::from_seed(*proto::Seed::from_hex(argv[3]))),
          dht_(real_.runtime, server_, client_, setup(argv[1])),
          pool_(real_.runtime, dht_, udx_, UdpSocket::opener(executor, any_)),
          announcer_(dht_, keys_),
          acceptor_({real_.runtime, dht_, udx_, announcer_, keys_,
                     [](const NodeId&) { return true; },
                     [this](Link link) {
                         const auto shared = std::make_shared<Link>(std::move(link));
                         all_->spawn(greet(shared, Clock::Time(), false));
                     },
                     &pool_}),
          dialer_({real_.runtime, dht_, udx_, keys_, &pool_}) {}

    Task<> run(Tasks& all) {
        all_ = &all;
        all.spawn(dht_.run());
        all.spawn(pool_.run());
        auto entered = co_await dht_.bootstrap();
        if (!entered) co_return all.cancel();
        all.spawn(announcer_.run());
        all.spawn(acceptor_.run());
        auto announced = co_await announcer_.announced();
        if (!announced) co_return all.cancel();
        say("{\"ready\":true,\"key\":\"" + keys_.public_key().hex() + "\"}");
        asio::posix::stream_descriptor input(real_.runtime.executor, ::dup(0));
        asio::streambuf buffer;
        for (;;) {
            auto [error, size] = co_await asio::async_read_until(input, buffer, '\n', use_result);
            if (error) break;
            std::istream stream(&buffer);
            std::string line;
            std::getline(stream, line);
            all.spawn(connect(line));
        }
        all.cancel();
    }

  private:
    std::unique_ptr<Datagrams> open(Executor executor) {
        auto socket = UdpSocket::open(executor, any_);
        if (!socket) std::exit(1);
        return std::move(*socket);
    }
    static DhtSetup setup(const char* bootstrap) {
        DhtSetup setup;
        setup.bootstrap.push_back(*parse_bootstrap(bootstrap));
        return setup;
    }

    Task<> connect(std::string line) {
        std::istringstream words(line);
        std::string command, key, relay;
        words >> command >> key;
        std::vector<Endpoint> relays;
        while (words >> relay) relays.push_back(*Endpoint::parse(relay));
        const auto began = real_.clock.now();
        Findings why;
        auto link = co_await dialer_.dial(*NodeId::from_hex(key), std::move(relays), why);
        if (!link) co_return say("{\"error\":\"" + why.text() + "\"}");
        const auto shared = std::make_shared<Link>(std::move(*link));
        co_await greet(shared, began, true);
    }

    Task<> greet(std::shared_ptr<Link> link, Clock::Time began, bool dialed) {
        SecureStream stream(
            real_.runtime.executor, real_.clock, std::move(link->stream),
            proto::secret_stream(link->keys, real_.random.bytes<proto::StreamHeader>()));
        auto done = co_await with_tasks([&](Tasks& both) -> Task<> {
            both.spawn(write(stream));
            const ByteVector hello(8, 'h');
            const ByteView part(hello);
            stream.write({&part, 1});
            auto message = co_await with_timeout(real_.clock, max_greeting, stream.read());
            if (dialed) report(stream, began, static_cast<bool>(message));
            stream.end_writes();
        });
        (void)done;
        // Until the other side has it all.
        auto finished = co_await with_timeout(real_.clock, max_greeting, stream.stream().finish());
        (void)finished;
    }
    Task<> write(SecureStream& stream) {
        auto written = co_await stream.write_loop();
        (void)written;
    }
    void report(SecureStream& stream, Clock::Time began, bool greeted) {
        const Path path = stream.stream().path();
        if (!greeted) return say("{\"error\":\"silence from " + path.remote.text() + "\"}");
        const auto ms =
            std::chrono::duration_cast<std::chrono::milliseconds>(real_.clock.now() - began);
        say("{\"ms\":" + std::to_string(ms.count()) + ",\"remote\":\"" + path.remote.text() +
            "\",\"local\":\"" + path.local.text() + "\"}");
    }

    test::RealRuntime real_;
    UdxContext udx_;
    Endpoint any_;
    UdpPort server_, client_;
    proto::KeyPair keys_;
    Dht dht_;
    SocketPool pool_;
    Announcer announcer_;
    Acceptor acceptor_;
    Dialer dialer_;
    Tasks* all_ = nullptr;
};

Task<> serve(char** argv) {
    Peer peer(co_await asio::this_coro::executor, argv);
    auto body = [&](Tasks& all) -> Task<> {
        co_await asio::this_coro::throw_if_cancelled(false);
        co_await peer.run(all);
    };
    auto done = co_await with_tasks(body);
    (void)done;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 4) return 2;
    std::setvbuf(stdout, nullptr, _IOLBF, 0);
    asio::io_context loop{1};
    std::exception_ptr thrown;
    asio::co_spawn(loop, serve(argv), [&](std::exception_ptr e) { thrown = e; });
    loop.run();
    return thrown ? 1 : 0;
}
