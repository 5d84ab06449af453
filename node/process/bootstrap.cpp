#include "node/process/bootstrap.hpp"

#include <asio/signal_set.hpp>

#include "node/async/foreign_calls.hpp"
#include "node/async/tasks.hpp"
#include "node/dht/departure.hpp"
#include "node/net/interfaces.hpp"
#include "node/net/udp_socket.hpp"
#include "node/process/own_address.hpp"
#include "node/process/process_end.hpp"
#include "node/udx/udx_context.hpp"

namespace kp2p {
namespace {

Task<> leave_on_signal(Dht& dht, Tasks& all) {
    asio::signal_set signals(co_await asio::this_coro::executor, SIGINT, SIGTERM);
    co_await signals.async_wait(use_result);
    end_process_within(stop_limit);
    depart(dht);
    all.cancel();
}

Task<> serve(Dht& dht, ForeignCalls& foreign, const Endpoint& address,
             std::function<void(const Endpoint&)> ready) {
    auto body = [&](Tasks& all) -> Task<> {
        all.spawn(leave_on_signal(dht, all));
        all.spawn(dht.run());
        auto entered = co_await dht.bootstrap();
        if (!entered) co_return;
        auto say = [ready, address]() -> Result<void> { return ready(address), ok; };
        (void)co_await foreign.call("/dev/stdout", say);  // who reads it may not be there
    };
    (void)co_await with_tasks(body);
}

}  // namespace

Result<void> run_bootstrap(const Endpoint& bind, const std::vector<std::string>& others,
                           std::string& why, std::function<void(const Endpoint&)> ready) {
    DhtSetup setup;
    for (const std::string& text : others) {
        auto node = parse_bootstrap(text);
        if (!node || text.find(':') == text.npos) {
            why = "--bootstrap takes HOST:PORT, not " + text;
            return Errc::usage;
        }
        setup.bootstrap.push_back(*std::move(node));
    }
    if (const std::string never = why_never_bound(bind.host); !never.empty()) {
        why = "--host " + bind.host.text() + ": " + never;
        return Errc::usage;
    }
    asio::io_context loop{1};
    SteadyClock clock;
    SystemRandom random;
    ThreadPool pool(1);
    Runtime runtime{loop.get_executor(), clock, random, pool};
    auto server_socket = UdpSocket::open(loop.get_executor(), bind);
    if (!server_socket) {
        const auto error = server_socket.error();
        why = "UDP " + bind.text() + ": " + bind_words(bind.host, error);
        if (error == asio::error::address_in_use) return Errc::port_in_use;
        return error;
    }
    auto client_socket = UdpSocket::open(loop.get_executor(), {bind.host, 0});
    if (!client_socket) return client_socket.error();

    const Endpoint address = own_address((*server_socket)->local(), loop.get_executor());
    UdxContext udx(loop.get_executor(), clock, 0);  // carries no streams
    UdpPort server(std::move(*server_socket), udx), client(std::move(*client_socket), udx);
    setup.public_address = address;
    Dht dht(runtime, server, client, setup);

    ForeignCalls foreign(runtime);
    std::exception_ptr thrown;
    asio::co_spawn(loop, serve(dht, foreign, address, std::move(ready)),
                   [&](std::exception_ptr e) { thrown = e; });
    loop.run();
    if (thrown) std::rethrow_exception(thrown);
    return ok;
}

}  // namespace kp2p
