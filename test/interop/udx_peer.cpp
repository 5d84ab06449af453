// udx_peer PORT ID BYTES [destroy]: one end of a UDX stream, for udx_test.js. Prints the port and
// the stream id of this end; connects to ID at PORT of this machine, sends BYTES bytes and an end,
// reads to the other's end, and prints the hashes of what it sent and received. When its stdin has
// ended too, prints how the stream closed. With `destroy` it destroys the stream as soon as
// something was received.
#include <sodium.h>

#include <asio/posix/stream_descriptor.hpp>
#include <asio/read.hpp>
#include <asio/streambuf.hpp>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "node/async/tasks.hpp"
#include "node/async/timeout.hpp"
#include "node/net/udp_socket.hpp"
#include "node/udx/udp_port.hpp"
#include "node/udx/udx_stream.hpp"

using namespace kp2p;

namespace {

SteadyClock wall;

class Hash {  // BLAKE2b-512
  public:
    Hash() { crypto_generichash_init(&state_, nullptr, 0, crypto_generichash_BYTES_MAX); }
    void update(ByteView bytes) { crypto_generichash_update(&state_, bytes.data(), bytes.size()); }
    std::string hex() {
        ByteVector out(crypto_generichash_BYTES_MAX);
        crypto_generichash_final(&state_, out.data(), out.size());
        return to_hex(out);
    }

  private:
    crypto_generichash_state state_;
};

Task<> send(UdxStream& stream, std::uint64_t size) {
    Hash hash;
    ByteVector bytes;
    for (std::uint64_t at = 0; at < size; at += bytes.size()) {
        bytes.resize(std::min<std::uint64_t>(size - at, 77'777));
        randombytes_buf(bytes.data(), bytes.size());
        hash.update(bytes);
        auto written = co_await stream.write(bytes);
        if (!written) co_return;
    }
    auto finished = co_await stream.finish();
    std::printf("sent %s %s\n", hash.hex().c_str(),
                finished ? "ok" : finished.error().message().c_str());
}

Task<> receive(UdxStream& stream, bool destroys) {
    Hash hash;
    ByteVector bytes(1 << 17);
    for (;;) {
        auto got = co_await stream.read_some(bytes);
        if (!got) std::printf("failed %s\n", got.error().message().c_str());
        if (!got || *got == 0) break;
        hash.update(ByteView(bytes).first(*got));
        if (destroys) stream.destroy();
    }
    std::printf("received %s\n", hash.hex().c_str());
}

Task<> stdin_ended(Executor executor) {
    asio::posix::stream_descriptor input(executor, ::dup(0));
    asio::streambuf bytes;
    auto [error, count] = co_await asio::async_read(input, bytes, use_result);
    (void)error;  // the end, or none to be had: both end the wait
    (void)count;
}

Task<> run(int argc, char** argv) {
    auto executor = co_await asio::this_coro::executor;
    std::uint64_t seed;
    randombytes_buf(&seed, sizeof seed);
    UdxContext context(executor, wall, seed);
    auto socket = UdpSocket::open(executor, Endpoint::loopback(0));
    if (!socket) co_return;
    UdpPort port(std::move(*socket), context);
    UdxStream stream(context);
    std::printf("port %u id %u\n", port.socket().local().port, stream.id());
    const auto remote = Endpoint::loopback(static_cast<std::uint16_t>(std::atoi(argv[1])));
    stream.connect({&port.socket(), remote},
                   static_cast<std::uint32_t>(std::strtoul(argv[2], nullptr, 10)));
    auto body = [&](Tasks& all) -> Task<> {
        all.spawn(port.read_loop());
        auto both = [&](Tasks& two) -> Task<> {
            two.spawn(send(stream, std::strtoull(argv[3], nullptr, 10)));
            two.spawn(receive(stream, argc > 4));
            co_return;
        };
        auto ended = co_await with_tasks(both);
        // A last acknowledgement may have been lost: stay to repeat it until the other is content.
        if (ended) co_await stdin_ended(executor);
        if (ended) all.cancel();
    };
    auto ended = co_await with_tasks(body);
    if (!ended) co_return;
    const auto closed = stream.machine().closed();
    std::printf("closed %s\n", closed == proto::udx::Closed::ended ? "ended" : "otherwise");
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 4 || sodium_init() < 0) return 2;
    std::setvbuf(stdout, nullptr, _IOLBF, 0);
    asio::io_context loop{1};
    int status = 0;
    asio::co_spawn(loop, run(argc, argv), [&](std::exception_ptr e) { status = e ? 1 : 0; });
    loop.run();
    return status;
}
