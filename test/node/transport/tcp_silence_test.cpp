// What a TCP stream knows of a side that does not answer any more; in real time, of the system.
#include <doctest/doctest.h>
#include <linux/filter.h>
#include <sys/socket.h>

#include <asio/ip/tcp.hpp>

#include "node/transport/tcp_byte_stream.hpp"
#include "proto/outcome.hpp"
#include "test/run.hpp"

using namespace kp2p;
using namespace std::chrono_literals;

namespace {

constexpr Clock::Span passing = 300ms;  // makes nobody look for another way

// From now on the system drops what comes for it, as if it were lost on the way.
void deafen(asio::ip::tcp::socket& socket) {
    sock_filter drop{BPF_RET | BPF_K, 0, 0, 0};
    const sock_fprog all{1, &drop};
    REQUIRE(::setsockopt(socket.native_handle(), SOL_SOCKET, SO_ATTACH_FILTER, &all, sizeof all) ==
            0);
}

Task<> falls_silent() {
    SteadyClock clock;
    const auto executor = co_await asio::this_coro::executor;
    asio::ip::tcp::acceptor acceptor(executor, {asio::ip::address_v4::loopback(), 0});
    asio::ip::tcp::socket here(executor), there(executor);
    here.connect(acceptor.local_endpoint());
    acceptor.accept(there);
    TcpByteStream stream(clock, std::move(here));
    const ByteVector byte(1);

    auto written = co_await stream.write(byte);
    REQUIRE(written);
    while (stream.unanswered()) (void)co_await clock.sleep_for(1ms);  // it is acknowledged soon

    deafen(there);
    written = co_await stream.write(byte);
    REQUIRE(written);
    const auto began = clock.now();
    REQUIRE(stream.unanswered());
    CHECK(*stream.unanswered() <= passing);
    while (*stream.unanswered() <= passing) {
        (void)co_await clock.sleep_for(10ms);
        REQUIRE(stream.unanswered());
    }
    const auto unanswered = *stream.unanswered();
    CHECK(unanswered <= clock.now() - began);  // not for as long as nothing was sent
}

}  // namespace

TEST_CASE("that TCP is not acknowledged is known at once, and weighs once it was sent again") {
    test::run(falls_silent());
}
