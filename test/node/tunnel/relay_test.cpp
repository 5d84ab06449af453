// A relay and its client on 127.0.0.1, over real sockets.
#include "node/async/tasks.hpp"
#include "node/async/timeout.hpp"
#include "node/relay_server/certificate.hpp"
#include "node/relay_server/relay_server.hpp"
#include "node/tunnel/either_socket.hpp"
#include "test/run.hpp"
#include "test/runtime.hpp"

using namespace kp2p;
using namespace std::chrono_literals;

namespace {

constexpr char token[] = "a-token-of-a-test";
constexpr auto patience = 20s;

enum class Tls { none, own };

struct RelayWorld {
    explicit RelayWorld(Executor executor, Tls tls = Tls::own) : real(executor) {
        config.listen = Endpoint::loopback(0);
        config.udp_host = config.public_host = config.listen.host;
        config.token = token;
        config.limits.allow_private = true;
        url.host = "127.0.0.1";
        url.token = token;
        url.tls = tls == Tls::own;
        if (!url.tls) return;
        const auto certificate = make_certificate();
        REQUIRE(certificate);
        std::string why;
        auto context = tls_context(*certificate, *certificate, why);
        REQUIRE(context);
        config.tls = *context;
        url.fingerprint = *fingerprint_of_pem(*certificate);
    }
    // At the port of the one before, if there was one.
    std::unique_ptr<RelayServer> relay() {
        auto opened = RelayServer::open(real.runtime, config);
        REQUIRE(opened);
        url.port = config.listen.port = (*opened)->local().port;
        return *std::move(opened);
    }

    test::RealRuntime real;
    RelayServerConfig config;
    proto::tunnel::RelayUrl url;
};

Task<Result<std::string>> receive_one(Datagrams& socket, Endpoint& from) {
    auto batch = co_await socket.receive();
    if (!batch) co_return batch.error();
    from = batch->front().from;
    co_return std::string(as_text(batch->front().bytes));
}

// What comes back for it, sent again and again until something does.
Task<Result<std::string>> ask(Clock& clock, Datagrams& socket, Endpoint to, std::string text) {
    Endpoint from;
    const auto until = clock.now() + patience;
    while (clock.now() < until) {
        socket.send(to, as_bytes(text));
        auto answer = co_await with_timeout(clock, 100ms, receive_one(socket, from));
        if (answer && !answer->starts_with(text)) continue;  // of an earlier question
        if (answer || answer.error() != Errc::timed_out) co_return answer;
    }
    co_return Errc::timed_out;
}

// Tells everybody under which port it sees them.
Task<> tell_ports(Datagrams& socket) {
    for (;;) {
        auto batch = co_await socket.receive();
        if (!batch) co_return;
        for (const Datagram& datagram : *batch) {
            const std::string text =
                std::string(as_text(datagram.bytes)) + ' ' + std::to_string(datagram.from.port);
            socket.send(datagram.from, as_bytes(text));
        }
    }
}

std::unique_ptr<UdpSocket> local_socket(Executor executor) {
    auto socket = UdpSocket::open(executor, Endpoint::loopback(0));
    REQUIRE(socket);
    return *std::move(socket);
}

Task<> datagrams_go_both_ways(Tls tls) {
    auto executor = co_await asio::this_coro::executor;
    RelayWorld world(executor, tls);
    const auto relay = world.relay();
    const auto other = local_socket(executor);
    Tunnels tunnels(world.real.runtime);
    tunnels.add({world.url});
    const auto socket = tunnels.open_standing();
    tunnels.want(true);
    auto ran = co_await with_tasks([&](Tasks& all) -> Task<> {
        all.spawn(relay->serve());
        all.spawn(tunnels.run());
        all.spawn(tell_ports(*other));
        auto answer = co_await ask(world.real.clock, *socket, other->local(), "hello");
        REQUIRE(answer);
        CHECK(*answer == "hello " + std::to_string(socket->local().port));
        CHECK(socket->local().host == world.config.public_host);
        CHECK(tunnels.up());
        const auto port = std::to_string(socket->local().port);
        tunnels.moved();
        const auto until = world.real.clock.now() + patience;
        while (tunnels.up() && world.real.clock.now() < until) {
            auto slept = co_await world.real.clock.sleep_for(1ms);
            REQUIRE(slept);
        }
        CHECK_FALSE(tunnels.up());
        answer = co_await ask(world.real.clock, *socket, other->local(), "anew");
        REQUIRE(answer);
        CHECK(*answer == "anew " + port);
        all.cancel();
    });
    (void)ran;
}

Task<> the_next_one_is_used() {
    auto executor = co_await asio::this_coro::executor;
    RelayWorld world(executor, Tls::none);
    const auto relay = world.relay();
    const auto other = local_socket(executor);
    auto nowhere = world.url;
    Tunnels tunnels(world.real.runtime);
    const auto socket = tunnels.open_standing();
    const auto another = tunnels.open_standing();
    tunnels.want(true);
    auto ran = co_await with_tasks([&](Tasks& all) -> Task<> {
        all.spawn(relay->serve());
        all.spawn(tunnels.run());
        all.spawn(tell_ports(*other));
        Clock& clock = world.real.clock;
        auto slept = co_await clock.sleep_for(0s);
        REQUIRE(slept);
        CHECK_FALSE(tunnels.up());
        const auto began = clock.now();
        for (int i = 0; i < 5; ++i) {
            nowhere.token += "x";
            tunnels.add({nowhere});
        }
        tunnels.add({world.url});
        tunnels.add({world.url});
        for (TunnelSocket* each : {socket.get(), another.get()}) {
            auto answer = co_await ask(clock, *each, other->local(), "hello");
            REQUIRE(answer);
        }
        CHECK(clock.now() - began < 5s);
        CHECK(tunnels.up());
        CHECK(tunnels.moves() == 0);
        all.cancel();
    });
    (void)ran;
}

// The first has a port for one of us alone.
Task<> half_a_relay_is_left() {
    auto executor = co_await asio::this_coro::executor;
    RelayWorld world(executor, Tls::none), narrow(executor, Tls::none);
    narrow.config.max_ports = 1;
    const auto first = narrow.relay();
    const auto next = world.relay();
    const auto other = local_socket(executor);
    Tunnels tunnels(world.real.runtime);
    tunnels.add({narrow.url});
    tunnels.add({world.url});
    const auto socket = tunnels.open_standing();
    const auto another = tunnels.open_standing();
    tunnels.want(true);
    auto ran = co_await with_tasks([&](Tasks& all) -> Task<> {
        all.spawn(first->serve());
        all.spawn(next->serve());
        all.spawn(tunnels.run());
        all.spawn(tell_ports(*other));
        Clock& clock = world.real.clock;
        const auto until = clock.now() + patience;
        while (next->ports() < 2 && clock.now() < until) {
            auto slept = co_await clock.sleep_for(10ms);
            REQUIRE(slept);
        }
        for (TunnelSocket* each : {socket.get(), another.get()}) {
            auto answer = co_await ask(clock, *each, other->local(), "hello");
            REQUIRE(answer);
        }
        CHECK(tunnels.up());
        CHECK(tunnels.place() == world.url.place());
        all.cancel();
    });
    (void)ran;
}

// To several, as a relay lets only so much go to one that has not answered.
Task<> what_is_sent_at_once_arrives() {
    constexpr std::size_t for_each = TunnelSocket::max_early / 4;
    auto executor = co_await asio::this_coro::executor;
    RelayWorld world(executor);
    const auto relay = world.relay();
    std::vector<std::unique_ptr<UdpSocket>> others;
    for (int i = 0; i < 5; ++i) others.push_back(local_socket(executor));
    Tunnels tunnels(world.real.runtime);
    tunnels.add({world.url});
    auto ran = co_await with_tasks([&](Tasks& all) -> Task<> {
        all.spawn(relay->serve());
        all.spawn(tunnels.run());
        auto slept = co_await world.real.clock.sleep_for(0s);
        REQUIRE(slept);
        auto socket = tunnels.open_passing();
        REQUIRE(socket);
        for (const auto& other : others)
            for (std::size_t i = 0; i < for_each; ++i)
                (*socket)->send(other->local(), as_bytes(std::to_string(i)));
        for (const auto& other : others) {
            if (other == others.back()) break;
            for (std::size_t i = 0; i < for_each;) {
                auto batch = co_await with_timeout(world.real.clock, patience, other->receive());
                REQUIRE(batch);
                for (const Datagram& datagram : *batch)
                    CHECK(as_text(datagram.bytes) == std::to_string(i++));
            }
        }
        // That was too much, and is lost.
        (*socket)->send(others.back()->local(), as_bytes("now"));
        Endpoint from;
        auto last =
            co_await with_timeout(world.real.clock, patience, receive_one(*others.back(), from));
        REQUIRE(last);
        CHECK(*last == "now");
        all.cancel();
    });
    (void)ran;
}

Task<> a_detour_is_there_or_says_why_not() {
    auto executor = co_await asio::this_coro::executor;
    RelayWorld world(executor);
    const auto relay = world.relay();
    auto wrong = world.url;
    wrong.token += "x";
    auto ran = co_await with_tasks([&](Tasks& all) -> Task<> {
        all.spawn(relay->serve());
        for (const bool right : {true, false}) {
            Tunnels tunnels(world.real.runtime), foreign(world.real.runtime);
            tunnels.add({right ? world.url : wrong});
            foreign.add({world.url}, Tunnels::Whose::heard);
            if (!right) tunnels.add({world.url}, Tunnels::Whose::heard);
            auto tried = co_await with_tasks([&](Tasks& inner) -> Task<> {
                inner.spawn(tunnels.run());
                auto slept = co_await world.real.clock.sleep_for(0s);
                REQUIRE(slept);
                std::string why;
                auto none = co_await foreign.open_detour(why);
                CHECK(none.error() == Errc::not_found);  // UDP is not known to be blocked
                tunnels.use(true);
                none = co_await tunnels.open_detour(why);
                CHECK(none.error() == Errc::not_found);  // there is nothing to go around
                tunnels.use(false);
                auto socket = co_await tunnels.open_detour(why);
                CHECK(bool(socket) == right);
                if (socket) CHECK((*socket)->local().port != 0);
                if (socket) CHECK((*socket)->is_detour());
                if (!right) CHECK(why.ends_with("the relay does not know the token"));
                if (!right) socket = co_await tunnels.open_detour(why);
                CHECK(bool(socket) == right);  // that of others is not for this
                inner.cancel();
            });
            (void)tried;
        }
        all.cancel();
    });
    (void)ran;
}

Task<> the_port_stays() {
    auto executor = co_await asio::this_coro::executor;
    RelayWorld world(executor);
    auto relay = world.relay();
    const auto other = local_socket(executor);
    Tunnels tunnels(world.real.runtime);
    tunnels.add({world.url});
    const auto socket = tunnels.open_standing();
    tunnels.want(true);
    auto ran = co_await with_tasks([&](Tasks& all) -> Task<> {
        all.spawn(tell_ports(*other));
        all.spawn(tunnels.run());
        std::string before;
        for (const std::string text : {"one", "two"}) {
            auto served = co_await with_tasks([&](Tasks& serving) -> Task<> {
                serving.spawn(relay->serve());
                auto answer = co_await ask(world.real.clock, *socket, other->local(), text);
                REQUIRE(answer);
                const std::string port = answer->substr(4);
                if (before.empty()) before = port;
                CHECK(port == before);
                serving.cancel();  // all connections break
            });
            (void)served;
            relay.reset();
            relay = world.relay();
        }
        all.cancel();
    });
    (void)ran;
    CHECK(tunnels.moves() == 0);
}

Task<> a_wrong_token_gets_nothing() {
    auto executor = co_await asio::this_coro::executor;
    RelayWorld world(executor);
    const auto relay = world.relay();
    auto ran = co_await with_tasks([&](Tasks& all) -> Task<> {
        all.spawn(relay->serve());
        for (const bool right : {false, true}) {
            RelayRoute route{world.url};
            if (!right) route.url.token += "x";
            TunnelTrouble why;
            auto opened = co_await open_tunnel(world.real.clock, route, std::nullopt, why);
            CHECK(bool(opened) == right);
            CHECK(!why.impostor);
            if (!right) CHECK(why.words == "the relay does not know the token");
        }
        CHECK(relay->ports() == 1);
        all.cancel();
    });
    (void)ran;
}

Task<> a_proxy_that_is_not_there_is_named() {
    auto executor = co_await asio::this_coro::executor;
    RelayWorld world(executor);
    const asio::ip::tcp::endpoint anywhere(asio::ip::address_v4::loopback(), 0);
    asio::ip::tcp::acceptor mute(executor, anywhere);
    RelayRoute route{world.url};
    route.proxy.emplace();
    route.proxy->address = {"127.0.0.1", mute.local_endpoint().port()};
    const std::string place = "the proxy " + route.proxy->address.text();
    Clock& clock = world.real.clock;
    TunnelTrouble why;
    auto opening = open_tunnel(clock, route, std::nullopt, why);
    auto given_up = co_await with_timeout(clock, 300ms, std::move(opening));
    CHECK_FALSE(given_up);
    CHECK(why.words == place + ": it does not answer");
    mute.close();
    auto refused = co_await open_tunnel(clock, route, std::nullopt, why);
    CHECK_FALSE(refused);
    CHECK(why.words.starts_with("no TCP to " + place + ": "));
}

Task<> another_certificate_is_not_taken() {
    auto executor = co_await asio::this_coro::executor;
    RelayWorld world(executor);
    const auto relay = world.relay();
    auto ran = co_await with_tasks([&](Tasks& all) -> Task<> {
        all.spawn(relay->serve());
        RelayRoute route{world.url};
        TunnelTrouble why;
        route.url.fingerprint->mutable_view()[0] ^= 1;
        auto other = co_await open_tunnel(world.real.clock, route, std::nullopt, why);
        CHECK(other.error() == Errc::unauthorized);
        CHECK(why.impostor);
        CHECK(why.words.find("not that of the URL; it shows a certificate of kp2p") !=
              std::string::npos);
        why = {};
        route.url.fingerprint.reset();  // and nobody vouches for it
        auto unknown = co_await open_tunnel(world.real.clock, route, std::nullopt, why);
        CHECK_FALSE(unknown);
        CHECK(why.impostor);
        CHECK(why.words.find("nobody that this computer trusts") != std::string::npos);
        CHECK(relay->ports() == 0);
        all.cancel();
    });
    (void)ran;
}

// Whoever comes, and whatever is asked, gets this.
Task<> answer_all(asio::ip::tcp::acceptor& acceptor, std::string answer) {
    for (;;) {
        auto [error, socket] = co_await acceptor.async_accept(use_result);
        if (error) co_return;
        std::array<char, 4096> asked;
        auto [read_error, size] = co_await socket.async_read_some(asio::buffer(asked), use_result);
        if (read_error || size == 0) continue;
        auto [write_error, written] =
            co_await asio::async_write(socket, asio::buffer(answer), use_result);
        (void)write_error;  // a client that has gone
        (void)written;
    }
}

Task<> a_portal_is_called_one() {
    enum class At { relay, tls_relay, proxy, socks };
    struct Row {
        At at;
        std::string answer, words;
        bool impostor = true;
    };
    const std::string page = "Content-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>";
    const std::string login = "Location: http://login.example/?session=secret\r\n\r\n";
    const Row rows[] = {
        {At::relay, "HTTP/1.1 200 OK\r\n" + page, "what is there answers with a web page"},
        {At::relay, "HTTP/1.1 302 Found\r\n" + login,
         "what is there answers with a web page that leads to login.example"},
        {At::relay, "HTTP/1.1 511 Log In\r\n\r\n", "what is there answers with a web page"},
        {At::relay, "HTTP/1.1 404 Not Found\r\n\r\n", "the relay answers with status 404", false},
        {At::tls_relay, "HTTP/1.1 400 Bad\r\n" + page, "PLACE: what answers there speaks no TLS"},
        {At::proxy, "HTTP/1.1 302 Found\r\n" + login,
         "the proxy PLACE answers with a web page that leads to login.example"},
        {At::proxy, "HTTP/1.1 200 OK\r\n" + page, "the proxy PLACE answers with a web page"},
        {At::proxy, "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n",
         "the proxy PLACE answers with a web page"},
        {At::proxy, "HTTP/1.1 407 Who\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nno!\r\n0\r\n\r\n",
         "the proxy PLACE wants a user and a password that it knows", false},
        {At::proxy,
         "HTTP/1.1 407 Who\r\nProxy-Authenticate: Negotiate\r\n"
         "Proxy-Authenticate: NTLM, Digest realm=\"a, \\\"b\", nonce=\"c\"\r\n\r\n",
         "the proxy PLACE lets in by Negotiate or NTLM or Digest alone, and kp2p speaks Basic: a "
         "program that speaks that, such as cntlm or px, can stand between, to be named in "
         "https_proxy",
         false},
        {At::relay, "HTTP/1.1 426 Upgrade Required\r\n\r\n",
         "what asks for a port is taken out of the request (Upgrade) by a web server in front of "
         "the relay, or by a proxy that looks into TLS",
         false},
        {At::relay, "SSH-2.0-OpenSSH\r\n", "what is there does not answer in HTTP", false},
        {At::proxy, "SSH-2.0-OpenSSH\r\n",
         "the proxy PLACE does not answer in HTTP: look whether that is its port, and that of "
         "http://, without TLS",
         false},
        {At::socks, "\5\xff", "the proxy PLACE wants a user and a password that it knows", false},
        {At::socks, "HTTP/1.1 400 Bad\r\n\r\n", "the proxy PLACE does not speak SOCKS 5", false},
        {At::socks, "\5", "the proxy PLACE: it ends the connection", false},
        {At::proxy, "HTTP/1.1 503 Unavailable\r\n\r\n",
         "the proxy PLACE does not get through to the relay: it answers with status 503", false},
        {At::proxy, "HTTP/1.1 403 Forbidden\r\n\r\n",
         "the proxy PLACE refuses, with status 403; many let through to port 443 alone, and this "
         "is "
         "PORT",
         false},
        {At::proxy, "HTTP/1.1 407 Who\r\nProxy-Authenticate: Negotiate, basic realm=\"a\"\r\n\r\n",
         "the proxy PLACE wants a user and a password that it knows", false},
    };
    auto executor = co_await asio::this_coro::executor;
    const asio::ip::tcp::endpoint anywhere(asio::ip::address_v4::loopback(), 0);
    for (const Row& row : rows) {
        CAPTURE(row.answer);
        RelayWorld world(executor, row.at == At::relay ? Tls::none : Tls::own);
        asio::ip::tcp::acceptor portal(executor, anywhere);
        const std::uint16_t port = portal.local_endpoint().port();
        RelayRoute route{world.url};
        route.url.port = port;
        if (row.at >= At::proxy) route.proxy.emplace().address = {"127.0.0.1", port};
        if (row.at == At::socks) route.proxy->speaks = proto::tunnel::Proxy::Speaks::socks5;
        TunnelTrouble why;
        auto ran = co_await with_tasks([&](Tasks& all) -> Task<> {
            all.spawn(answer_all(portal, row.answer));
            auto opened = co_await open_tunnel(world.real.clock, route, std::nullopt, why);
            CHECK_FALSE(opened);
            all.cancel();
        });
        (void)ran;
        std::string words = row.words;
        if (const auto at = words.find("PLACE"); at != words.npos)
            words.replace(at, 5, "127.0.0.1:" + std::to_string(port));
        if (const auto at = words.find("PORT"); at != words.npos)
            words.replace(at, 4, std::to_string(port));
        if (row.at == At::tls_relay) words = "no TLS with " + words;
        CHECK(why.words == words);
        CHECK(why.impostor == row.impostor);
    }
}

Task<> one_comes_back_with_its_key() {
    auto executor = co_await asio::this_coro::executor;
    RelayWorld world(executor);
    const auto relay = world.relay();
    auto ran = co_await with_tasks([&](Tasks& all) -> Task<> {
        all.spawn(relay->serve());
        Clock& clock = world.real.clock;
        const RelayRoute route{world.url};
        TunnelTrouble why;
        auto first = co_await open_tunnel(clock, route, std::nullopt, why);
        REQUIRE(first);
        auto again = co_await open_tunnel(clock, route, first->allocated, why);
        REQUIRE(again);
        CHECK(again->allocated.address == first->allocated.address);
        auto stolen = first->allocated;
        stolen.key.mutable_view()[0] ^= 1;
        auto thief = co_await open_tunnel(clock, route, stolen, why);
        REQUIRE(thief);
        CHECK(thief->allocated.address != first->allocated.address);
        all.cancel();
    });
    (void)ran;
}

Task<> what_arrives_at_either_socket_is_received() {
    auto executor = co_await asio::this_coro::executor;
    RelayWorld world(executor);
    const auto relay = world.relay();
    const auto other = local_socket(executor);
    auto direct = local_socket(executor);
    const std::string direct_port = std::to_string(direct->local().port);
    Tunnels tunnels(world.real.runtime);
    tunnels.add({world.url});
    EitherSocket socket(std::move(direct), tunnels);
    tunnels.want(true);
    auto ran = co_await with_tasks([&](Tasks& all) -> Task<> {
        all.spawn(relay->serve());
        all.spawn(tunnels.run());
        all.spawn(tell_ports(*other));
        Clock& clock = world.real.clock;
        auto answer = co_await ask(clock, socket, other->local(), "a");
        REQUIRE(answer);
        CHECK(*answer == "a " + direct_port);
        tunnels.use(true);
        answer = co_await ask(clock, socket, other->local(), "b");
        REQUIRE(answer);
        CHECK(*answer == "b " + std::to_string(socket.local().port));
        CHECK(std::to_string(socket.local().port) != direct_port);
        tunnels.use(false);
        other->send(*Endpoint::parse("127.0.0.1:" + answer->substr(2)), as_bytes("late"));
        Endpoint from;
        auto late = co_await with_timeout(clock, patience, receive_one(socket, from));
        REQUIRE(late);
        CHECK(*late == "late");
        all.cancel();
    });
    (void)ran;
}

}  // namespace

TEST_CASE("datagrams go through the relay and back") {
    SUBCASE("over TLS") { test::run(datagrams_go_both_ways(Tls::own)); }
    SUBCASE("without") { test::run(datagrams_go_both_ways(Tls::none)); }
}
TEST_CASE("of several relays the next is used where one gives no port") {
    test::run(the_next_one_is_used());
}
TEST_CASE("a relay that gives only some of the ports that are needed is left for the next") {
    test::run(half_a_relay_is_left());
}
TEST_CASE("what is sent before the port is there is sent then, a little of it") {
    test::run(what_is_sent_at_once_arrives());
}
TEST_CASE("a socket that is waited for has its port, or there is a reason") {
    test::run(a_detour_is_there_or_says_why_not());
}
TEST_CASE("a client keeps its port when its relay starts again") { test::run(the_port_stays()); }
TEST_CASE("who does not know the token gets no port") { test::run(a_wrong_token_gets_nothing()); }
TEST_CASE("a proxy that does not answer, or is not there, is said to be why") {
    test::run(a_proxy_that_is_not_there_is_named());
}
TEST_CASE("what answers in the place of a relay or a proxy is called that") {
    test::run(a_portal_is_called_one());
}
TEST_CASE("a relay with another certificate is not used") {
    test::run(another_certificate_is_not_taken());
}
TEST_CASE("a port is given back to who has its key, and to nobody else") {
    test::run(one_comes_back_with_its_key());
}
TEST_CASE("two sockets are one") { test::run(what_arrives_at_either_socket_is_received()); }
