#include <filesystem>
#include <fstream>

#include "node/async/tasks.hpp"
#include "node/net/udp_socket.hpp"
#include "node/udx/coalescing.hpp"
#include "node/udx/udp_port.hpp"
#include "node/udx/udx_context.hpp"
#include "test/run.hpp"

using namespace kp2p;

namespace {

const Endpoint any_port = Endpoint::loopback(0);

Task<Result<ByteVector>> receive_all(Datagrams& socket, std::size_t datagrams,
                                     std::vector<std::size_t>& sizes) {
    ByteVector all;
    while (sizes.size() < datagrams) {
        auto batch = co_await socket.receive();
        if (!batch) co_return batch.error();
        for (const Datagram& d : *batch) {
            sizes.push_back(d.bytes.size());
            all.insert(all.end(), d.bytes.begin(), d.bytes.end());
        }
    }
    co_return all;
}

Task<> segments_arrive_in_order() {
    auto executor = co_await asio::this_coro::executor;
    auto a = UdpSocket::open(executor, any_port);
    auto b = UdpSocket::open(executor, any_port);
    REQUIRE(a);
    REQUIRE(b);
    ByteVector sent(70 * 1000 + 1);
    for (std::size_t i = 0; i < sent.size(); ++i) sent[i] = static_cast<std::uint8_t>(i * 7 / 3);
    // Cut at odd places, so that pieces span datagrams and datagrams span pieces.
    std::vector<ByteView> pieces;
    for (std::size_t at = 0, size = 1; at < sent.size(); at += size, size = size * 2 % 4099 + 1)
        pieces.push_back(ByteView(sent).subspan(at, std::min(size, sent.size() - at)));
    (*a)->send_segments((*b)->local(), pieces, 1000);
    std::vector<std::size_t> sizes;
    auto got = co_await receive_all(**b, 71, sizes);
    REQUIRE(got);
    CHECK(*got == sent);
    CHECK(sizes.front() == 1000);
    CHECK(sizes.back() == 1);
}

Task<> single_datagrams_arrive() {
    auto executor = co_await asio::this_coro::executor;
    auto a = UdpSocket::open(executor, any_port);
    auto b = UdpSocket::open(executor, any_port);
    REQUIRE(a);
    REQUIRE(b);
    (*a)->send((*b)->local(), as_bytes("one"));
    (*a)->send((*b)->local(), {});
    (*a)->send_with_ttl((*b)->local(), as_bytes("two"), 5);
    std::vector<std::size_t> sizes;
    auto got = co_await receive_all(**b, 3, sizes);
    REQUIRE(got);
    CHECK(as_text(*got) == "onetwo");
    CHECK(sizes == std::vector<std::size_t>{3, 0, 3});
}

Task<> second_bind_fails() {
    auto executor = co_await asio::this_coro::executor;
    auto a = UdpSocket::open(executor, any_port);
    REQUIRE(a);
    CHECK((*a)->local().port != 0);
    auto b = UdpSocket::open(executor, (*a)->local());
    CHECK(b.error() == asio::error::address_in_use);
}

Task<> port_sorts_datagrams() {
    auto executor = co_await asio::this_coro::executor;
    SteadyClock clock;
    UdxContext context(executor, clock, 1);
    auto a = UdpSocket::open(executor, any_port);
    auto b = UdpSocket::open(executor, any_port);
    REQUIRE(a);
    REQUIRE(b);
    const Endpoint to = (*b)->local();
    UdpPort port(std::move(*b), context);
    std::vector<std::string> rpc, probes;
    auto body = [&](Tasks& all) -> Task<> {
        port.on_probe([&](UdpPort&, const Datagram& d) { probes.emplace_back(as_text(d.bytes)); });
        port.on_rpc([&](UdpPort& from, const Datagram& d) {
            CHECK(&from == &port);
            CHECK(d.from == (*a)->local());
            rpc.emplace_back(as_text(d.bytes));
            if (rpc.size() == 2) all.cancel();
        });
        all.spawn(port.read_loop());
        (*a)->send(to, as_bytes("\x01"));
        (*a)->send(to, as_bytes("\x03 request"));
        (*a)->send(to, as_bytes("\xff\x01 short"));
        co_return;
    };
    auto ended = co_await with_tasks(body);
    CHECK(ended);
    CHECK(probes == std::vector<std::string>{"\x01"});
    CHECK(rpc == std::vector<std::string>{"\x03 request", "\xff\x01 short"});
}

Task<> loopback_mtu(Host host) {
    auto executor = co_await asio::this_coro::executor;
    auto a = UdpSocket::open(executor, {host, 0});
    REQUIRE(a);
    CHECK((*a)->route_mtu_bytes((*a)->local()) >= 1500);
}

// Both ways between a socket at `ours` and one at `theirs`, which sees us at `seen`.
Task<> families_meet(Host ours, Host theirs, Host seen) {
    auto executor = co_await asio::this_coro::executor;
    auto a = UdpSocket::open(executor, {ours, 0});
    auto b = UdpSocket::open(executor, {theirs, 0});
    REQUIRE(a);
    REQUIRE(b);
    CHECK((*a)->local().host == ours);
    const Endpoint ours_seen{seen, (*a)->local().port};
    const ByteVector bytes(3000, 7);
    const ByteView whole = bytes;
    (*a)->send_segments((*b)->local(), {&whole, 1}, 1000);
    (*a)->send_with_ttl((*b)->local(), as_bytes("far"), 64);
    (*a)->send_in_fragments((*b)->local(), whole);
    std::vector<std::size_t> sizes;
    auto there = co_await receive_all(**b, 5, sizes);
    REQUIRE(there);
    CHECK(sizes == std::vector<std::size_t>{1000, 1000, 1000, 3, 3000});
    (*b)->send(ours_seen, as_bytes("back"));
    auto back = co_await (*a)->receive();
    REQUIRE(back);
    CHECK(as_text((*back)[0].bytes) == "back");
    CHECK((*back)[0].from == (*b)->local());
}

// What cannot leave is lost, and the socket goes on.
Task<> other_family_is_lost(Host ours, Endpoint other) {
    auto executor = co_await asio::this_coro::executor;
    auto a = UdpSocket::open(executor, {ours, 0});
    REQUIRE(a);
    (*a)->send(other, as_bytes("lost"));
    (*a)->send_with_ttl(other, as_bytes("lost"), 5);
    (*a)->send((*a)->local(), as_bytes("kept"));
    auto got = co_await (*a)->receive();
    REQUIRE(got);
    CHECK(as_text((*got)[0].bytes) == "kept");
}

const Host localhost{127, 0, 0, 1};

bool has_ipv6() {
    asio::io_context loop;
    return bool(UdpSocket::open(loop.get_executor(), {Host::loopback_v6(), 0}));
}

std::optional<Rejection> asked(Inquiry& inquiry) {
    std::optional<Rejection> said;
    for (int i = 0; i < 1000 && !said; ++i) {
        inquiry.ask();
        said = inquiry.answer();
    }
    return said;
}

Task<> who_listens_nowhere_rejects(Host host) {
    auto executor = co_await asio::this_coro::executor;
    auto socket = UdpSocket::open(executor, {host, 0});
    auto there = UdpSocket::open(executor, {host, 0});
    REQUIRE(socket);
    REQUIRE(there);
    const Endpoint open = (*there)->local();
    const auto inquiry = (*socket)->inquire(open);
    for (int i = 0; i < 3; ++i) {
        inquiry->ask();
        CHECK_FALSE(inquiry->answer());
    }
    there->reset();
    const auto said = asked(*inquiry);
    REQUIRE(said);
    CHECK_FALSE(said->here);
    const std::string words = rejection_text(open, *said);
    CHECK(words.starts_with(open.text()));
    if (said->by) CHECK(words == open.text() + ", by " + host.text() + ": port unreachable");
}

Task<> what_has_no_way_does_not_leave() {
    auto executor = co_await asio::this_coro::executor;
    auto socket = UdpSocket::open(executor, {Host(0, 0, 0, 0), 0});
    REQUIRE(socket);
    // To everybody the system lets nothing out that has not asked for it.
    const auto inquiry = (*socket)->inquire({Host(255, 255, 255, 255), 9});
    inquiry->ask();
    const auto said = inquiry->answer();
    REQUIRE(said);
    CHECK(said->here);
    CHECK_FALSE(said->by);
    CHECK(!said->words.empty());
}

Task<> who_asks_for_rejections_does_so_from_the_same_address() {
    auto executor = co_await asio::this_coro::executor;
    const Host other(127, 0, 0, 2);
    auto socket = UdpSocket::open(executor, {other, 0});
    if (!socket) co_return;  // a system of one loopback address
    auto there = UdpSocket::open(executor, Endpoint::loopback(0));
    REQUIRE(there);
    const auto inquiry = (*socket)->inquire((*there)->local());
    inquiry->ask();
    auto asked = co_await (*there)->receive();
    REQUIRE(asked);
    CHECK(asked->front().from.host == other);
}

Task<> who_asks_for_rejections_does_so_before_what_is_sent() {
    auto executor = co_await asio::this_coro::executor;
    auto socket = UdpSocket::open(executor, any_port);
    auto there = UdpSocket::open(executor, any_port);
    auto elsewhere = UdpSocket::open(executor, any_port);
    REQUIRE(socket);
    REQUIRE(there);
    REQUIRE(elsewhere);
    auto inquiry = (*socket)->inquire((*there)->local());
    const ByteView words = as_bytes("words");
    (*socket)->send((*elsewhere)->local(), words);
    (*socket)->send((*there)->local(), words);
    (*socket)->send_segments((*there)->local(), {&words, 1}, words.size());
    (*socket)->send_in_fragments((*there)->local(), words);
    inquiry.reset();
    (*socket)->send((*there)->local(), words);
    std::vector<std::size_t> sizes, other_sizes;
    REQUIRE(co_await receive_all(**there, 7, sizes));
    CHECK(sizes == std::vector<std::size_t>{1, 5, 1, 5, 1, 5, 5});
    REQUIRE(co_await receive_all(**elsewhere, 1, other_sizes));
    CHECK(other_sizes.front() == 5);
}

// How many files the reactors of this process watch.
std::size_t watched() {
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
        std::error_code gone;
        const auto target = std::filesystem::read_symlink(entry, gone);
        if (target != "anon_inode:[eventpoll]") continue;
        std::ifstream info("/proc/self/fdinfo/" + entry.path().filename().string());
        for (std::string line; std::getline(info, line);) count += line.starts_with("tfd:");
    }
    return count;
}

Task<> who_rests_is_not_woken() {
    auto executor = co_await asio::this_coro::executor;
    auto a = UdpSocket::open(executor, any_port);
    auto b = UdpSocket::open(executor, any_port);
    REQUIRE(a);
    REQUIRE(b);
    const std::size_t before = watched();
    for (int round = 0; round < 3; ++round) {
        (*b)->rest();
        (*b)->rest();
        CHECK(watched() + UdpBatch::by_handle == before);
        (*a)->send((*b)->local(), as_bytes("while it rests"));
        const auto taken = (*b)->take();
        REQUIRE(taken.size() == 1);
        CHECK(as_text(taken[0].bytes) == "while it rests");
        CHECK((*b)->take().empty());
        (*a)->send((*b)->local(), as_bytes("before it waits"));
        auto woken = co_await (*b)->arrived();
        CHECK(woken);
        CHECK(watched() == before);
        auto got = co_await (*b)->receive();
        REQUIRE(got);
        CHECK(as_text(got->front().bytes) == "before it waits");
    }
    (*b)->rest();
    const Endpoint place = (*b)->local();
    b->reset();
    CHECK(UdpSocket::open(executor, place));
}

// Datagrams of so many bytes, `each` in a batch, every `apart`; whether it pays in the end.
bool pays(std::size_t bytes, std::size_t each, Clock::Span apart) {
    const ByteVector content(bytes);
    const std::vector<Datagram> batch(each, {Endpoint::loopback(1), content});
    Coalescing coalescing;
    Clock::Time now{};
    bool said = false;
    for (int i = 0; i < 100; ++i) said = coalescing.pays(now += apart, batch);
    return said;
}

}  // namespace

TEST_CASE("who reads again in a while is not woken meanwhile, and loses nothing") {
    if (std::filesystem::exists("/proc/self/fdinfo")) test::run(who_rests_is_not_woken());
}
TEST_CASE("datagrams are read together where they come one by one, and are many") {
    using namespace std::chrono_literals;
    CHECK(pays(1400, 1, 120us));       // 90 Mbit/s
    CHECK(pays(1400, 1, 400us));       // 28 Mbit/s
    CHECK(pays(1400, 8, 1ms));         // read together already
    CHECK_FALSE(pays(1400, 1, 1ms));   // few
    CHECK_FALSE(pays(60, 1, 120us));   // questions and acknowledgements
    CHECK_FALSE(pays(1400, 1, 12us));  // more than a socket's buffer may hold
    CHECK_FALSE(pays(1400, 32, 2ms));  // of themselves
}

TEST_CASE("segments leave as datagrams of one size") { test::run(segments_arrive_in_order()); }
TEST_CASE("datagrams arrive, empty ones too") { test::run(single_datagrams_arrive()); }
TEST_CASE("a taken port is address_in_use") { test::run(second_bind_fails()); }
TEST_CASE("a port sorts probes from requests") { test::run(port_sorts_datagrams()); }
TEST_CASE("the route MTU of loopback is at least Ethernet's") {
    test::run(loopback_mtu(localhost));
    if (has_ipv6()) test::run(loopback_mtu(Host::loopback_v6()));
}
TEST_CASE("a socket bound to :: is of both families, one bound to ::1 of IPv6") {
    if (!has_ipv6()) return;
    test::run(families_meet(Host::any_v6(), localhost, localhost));
    test::run(families_meet(Host::any_v6(), Host::loopback_v6(), Host::loopback_v6()));
    test::run(families_meet(Host::loopback_v6(), Host::loopback_v6(), Host::loopback_v6()));
}
TEST_CASE("that nothing listens there is heard, and who has said so") {
    test::run(who_listens_nowhere_rejects(localhost));
    if (has_ipv6()) test::run(who_listens_nowhere_rejects(Host::loopback_v6()));
}
TEST_CASE("what has no way to go does not leave") { test::run(what_has_no_way_does_not_leave()); }
TEST_CASE("whether it is rejected is asked from the address that is used") {
    test::run(who_asks_for_rejections_does_so_from_the_same_address());
}
TEST_CASE("whether it is rejected is asked before what is sent") {
    test::run(who_asks_for_rejections_does_so_before_what_is_sent());
}
TEST_CASE("what is for the other family is lost") {
    test::run(other_family_is_lost(localhost, {Host::loopback_v6(), 9}));
    if (has_ipv6()) test::run(other_family_is_lost(Host::loopback_v6(), Endpoint::loopback(9)));
}
