// liar BOOTSTRAP HOST CHANNEL FILE LIE [CHUNK]: a node of the real network that is in the channel,
// provides the file, and lies about it: LIE is none, byte, link, size, stall, garbage or no-proof,
// at chunk CHUNK. Says {"node":KEY,"file":SHA1} when it is announced, and ends with its stdin.
#include <sodium.h>

#include <asio/posix/stream_descriptor.hpp>
#include <asio/read.hpp>
#include <asio/streambuf.hpp>
#include <cstdio>
#include <fstream>
#include <iterator>

#include "node/net/udp_socket.hpp"
#include "node/swarm/swarm.hpp"
#include "test/share/liar_peer.hpp"

using namespace kp2p;

namespace {

template <class Id>
Id random_id() {
    Id id;
    randombytes_buf(id.data(), Id::size_bytes);
    return id;
}

std::unique_ptr<Datagrams> open_udp(Executor executor, const char* host) {
    const auto any = Endpoint::parse(std::string(host) + ":0");
    if (!any) std::exit(2);
    auto socket = UdpSocket::open(executor, *any);
    if (!socket) std::exit(1);
    return std::move(*socket);
}

ByteVector content(const char* path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) std::exit(2);
    return {std::istreambuf_iterator<char>(file), {}};
}

Task<> end_with_stdin(Executor executor, Tasks& all) {
    asio::posix::stream_descriptor input(executor, ::dup(0));
    asio::streambuf bytes;
    auto [error, count] = co_await asio::async_read(input, bytes, use_result);
    (void)error;
    (void)count;
    all.cancel();
}

Task<> lie(int argc, char** argv) {
    const auto executor = co_await asio::this_coro::executor;
    const auto name = ChannelName::parse(argv[3]);
    const auto kind = test::liar_lie(argv[5]);
    DhtSetup setup;
    const auto bootstrap = parse_bootstrap(argv[1]);
    if (!name || !kind || !bootstrap) std::exit(2);
    setup.bootstrap.push_back(*bootstrap);
    const auto key = proto::derive_channel_key(*name);
    if (!key) std::exit(1);

    SteadyClock clock;
    UdxContext udx(executor, clock, randombytes_random());
    UdpPort server(open_udp(executor, argv[2]), udx), client(open_udp(executor, argv[2]), udx);
    Dht dht(executor, clock, server, client, std::move(setup), random_id<proto::Seed>());
    const auto keys = proto::KeyPair::from_seed(random_id<proto::Seed>());
    const std::uint64_t at = argc > 6 ? std::stoull(argv[6]) : 0;
    test::LiarPeer peer(*key, keys.public_key(), content(argv[4]), *kind, at);
    SwarmParts parts{.executor = executor,
                     .clock = clock,
                     .dht = dht,
                     .udx = udx,
                     .keys = keys,
                     .serve = [&](std::shared_ptr<Connection> c) { return peer.serve(c); },
                     .puncher = {},
                     .log = {}};
    Swarm swarm(std::move(parts));
    auto body = [&](Tasks& all) -> Task<> {
        all.spawn(dht.run());
        all.spawn(end_with_stdin(executor, all));
        auto entered = co_await dht.bootstrap();
        if (!entered) co_return;
        all.spawn(swarm.run());
        const Topic topic = proto::channel_topic(*key);
        swarm.join(topic);
        while (swarm.settling(topic)) {
            auto slept = co_await clock.sleep_for(std::chrono::milliseconds(20));
            if (!slept) co_return;
        }
        std::printf("{\"node\":\"%s\",\"file\":\"%s\"}\n", keys.public_key().hex().c_str(),
                    peer.file().hex().c_str());
        std::fflush(stdout);
    };
    auto ended = co_await with_tasks(body);
    (void)ended;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 6) {
        std::fputs("usage: liar BOOTSTRAP HOST CHANNEL FILE LIE [CHUNK]\n", stderr);
        return 2;
    }
    asio::io_context loop{1};
    asio::co_spawn(loop, lie(argc, argv), [](std::exception_ptr thrown) {
        if (thrown) std::rethrow_exception(thrown);
    });
    loop.run();
}
