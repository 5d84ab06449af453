// udx_bench [MIB]: how fast one UDX stream carries bytes over loopback, between two threads with a
// loop each. Prints one line: MB/s, and the processor time each side used.
#include <sys/resource.h>

#include <cstdio>
#include <cstdlib>
#include <thread>

#include "node/async/tasks.hpp"
#include "node/net/udp_socket.hpp"
#include "node/udx/udp_port.hpp"
#include "node/udx/udx_stream.hpp"

using namespace kp2p;

namespace {

SteadyClock wall;

struct Side {
    asio::io_context loop{1};
    UdxContext context;
    UdpPort port;
    UdxStream stream;
    double cpu_seconds = 0;

    explicit Side(std::uint64_t seed)
        : context(loop.get_executor(), wall, seed),
          port(*UdpSocket::open(loop.get_executor(), Endpoint::loopback(0)), context),
          stream(context) {}

    void run(Task<> job) {
        bool failed = false;
        asio::co_spawn(loop, serve(std::move(job)), [&](std::exception_ptr e) { failed = !!e; });
        loop.run();
        if (failed) std::puts("failed");
        rusage usage;
        getrusage(RUSAGE_THREAD, &usage);
        cpu_seconds = double(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                      double(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
    }
    Task<> serve(Task<> job) {
        auto body = [&](Tasks& all) -> Task<> {
            all.spawn(port.read_loop());
            co_await std::move(job);
            all.cancel();
        };
        auto ended = co_await with_tasks(body);
        (void)ended;
    }
};

Task<> send(Side& side, std::uint64_t size) {
    const ByteVector bytes(1 << 20, 7);
    for (std::uint64_t at = 0; at < size; at += bytes.size()) {
        auto written = co_await side.stream.write(bytes);
        if (!written) co_return;
    }
    auto finished = co_await side.stream.finish();
    ByteVector end(1);
    if (finished) co_await side.stream.read_some(end);
}

Task<> receive(Side& side, std::uint64_t& received) {
    ByteVector bytes(1 << 18);
    for (;;) {
        auto got = co_await side.stream.read_some(bytes);
        if (!got || *got == 0) break;
        received += *got;
    }
    auto finished = co_await side.stream.finish();
    (void)finished;
}

}  // namespace

int main(int argc, char** argv) {
    const std::uint64_t size = (argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 1024) << 20;
    Side a(1), b(2);
    a.stream.connect({&a.port.socket(), b.port.socket().local()}, b.stream.id());
    b.stream.connect({&b.port.socket(), a.port.socket().local()}, a.stream.id());
    std::uint64_t received = 0;
    const auto start = wall.now();
    std::thread other([&] { b.run(receive(b, received)); });
    a.run(send(a, size));
    other.join();
    const double seconds = std::chrono::duration<double>(wall.now() - start).count();
    std::printf(
        "udx loopback: %.0f MB/s, %.2f s (sender %.2f s cpu, receiver %.2f s cpu), %llu sent "
        "again, mtu %zu%s\n",
        double(received) / 1e6 / seconds, seconds, a.cpu_seconds, b.cpu_seconds,
        (unsigned long long)a.stream.machine().retransmitted(), a.stream.machine().mtu_bytes(),
        received == size ? "" : " INCOMPLETE");
    return received == size ? 0 : 1;
}
