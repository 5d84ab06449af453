// Handshakes over TCP: who is answered, who is not, and how many there may be. In virtual time.
#include <doctest/doctest.h>

#include "node/async/tasks.hpp"
#include "node/async/timeout.hpp"
#include "node/reach/tcp_acceptor.hpp"
#include "node/reach/tcp_dialer.hpp"
#include "node/reach/tcp_handshake.hpp"
#include "proto/compact.hpp"
#include "test/node/dht/simulated_dht.hpp"
#include "test/node/transport/memory_doors.hpp"

using namespace kp2p;
using namespace kp2p::test;
using namespace std::chrono_literals;

namespace {

// A node that listens, and the door of another.
struct Listening {
    explicit Listening(Sim& sim)
        : sim(sim),
          doors(sim.loop().get_executor()),
          door(doors.open(host_of(1))),
          elsewhere(doors.open(host_of(2))),
          keys(proto::KeyPair::from_seed(seed_of(1))),
          stranger(proto::KeyPair::from_seed(seed_of(2))),
          acceptor({sim.runtime(), *door, keys,
                    [this](const NodeId& node) { return node != unwelcome; },
                    [this](Link link) { links.push_back(std::move(link)); }}) {}

    Sim& sim;
    MemoryDoors doors;
    std::unique_ptr<ByteStreams> door, elsewhere;
    proto::KeyPair keys, stranger;
    NodeId unwelcome;
    std::vector<Link> links;
    TcpAcceptor acceptor;
};

template <class Test>
void while_listening(Test test) {
    Sim sim(1);
    Listening node(sim);
    auto root = [&]() -> Task<> {
        auto body = [&](Tasks& all) -> Task<> {
            all.spawn(node.acceptor.run());
            co_await test(node);
            all.cancel();
        };
        auto done = co_await with_tasks(body);
        (void)done;
    };
    sim.run(root());
}

Task<std::unique_ptr<ByteStream>> knock(Listening& node) {
    auto stream = co_await node.elsewhere->connect(node.door->local());
    REQUIRE(stream);
    co_return *std::move(stream);
}

// What comes back for these bytes: none, and after how long the stream breaks.
Task<> check_silence(Listening& node, const char* name, ByteVector bytes) {
    CAPTURE(name);
    auto stream = co_await knock(node);
    const auto began = node.sim.clock().now();
    if (!bytes.empty()) {
        auto written = co_await stream->write(bytes);
        CHECK(written);
    }
    ByteVector answer(100);
    auto got = co_await stream->read_some(answer);
    CHECK(!got);  // neither a byte nor an orderly end
    CHECK(node.sim.clock().now() - began == TcpAcceptor::handshake_limit);
    CHECK(node.links.empty());
}

// The first message of a handshake by `own` with a node that has `other`'s key.
ByteVector first_message(const proto::KeyPair& own, const NodeId& other, const char* prologue) {
    proto::Noise noise({.pattern = proto::NoisePattern::ik,
                        .role = proto::Role::initiator,
                        .local = own,
                        .ephemeral = proto::KeyPair::from_seed(seed_of(9)),
                        .prologue = as_bytes(prologue),
                        .remote = other});
    const ByteVector message = *noise.write({});
    return proto::Writer().u16(static_cast<std::uint16_t>(message.size())).raw(message).take();
}

Task<> strangers_learn_nothing(Listening& node) {
    const NodeId ours = node.keys.public_key(), theirs = node.stranger.public_key();
    const ByteVector good = first_message(node.stranger, ours, "kp2p/tcp/1");
    const ByteVector part(good.begin(), good.end() - 1), too_long(2, 0xff), noise(good.size(), 1);
    co_await check_silence(node, "nothing", ByteVector());
    co_await check_silence(node, "one byte", ByteVector(1));
    co_await check_silence(node, "a part", part);
    co_await check_silence(node, "too long", too_long);
    co_await check_silence(node, "noise", noise);
    ByteVector changed = good;
    changed.back() ^= 1;
    co_await check_silence(node, "changed", changed);
    const ByteVector other = first_message(node.stranger, theirs, "kp2p/tcp/1");
    co_await check_silence(node, "for another node", other);
    const ByteVector version = first_message(node.stranger, ours, "kp2p/tcp/2");
    co_await check_silence(node, "of another version", version);
    node.unwelcome = theirs;
    co_await check_silence(node, "of one who is not welcome", good);
}

Task<> both_have_the_keys(Listening& node) {
    TcpDialer dialer(node.sim.runtime(), *node.elsewhere, node.stranger);
    Findings why;
    std::vector<Endpoint> places{host_of(7), node.door->local()};  // nobody listens at the first
    auto link = co_await dialer.dial(node.keys.public_key(), places, why);
    REQUIRE(link);
    REQUIRE(node.links.size() == 1);
    const auto &ours = node.links[0].keys, &theirs = link->keys;
    CHECK(ours.remote == node.stranger.public_key());
    CHECK(theirs.remote == node.keys.public_key());
    CHECK(ours.hash == theirs.hash);
    CHECK(ours.tx == theirs.rx);
    CHECK(ours.rx == theirs.tx);
    CHECK(ours.tx != ours.rx);
    CHECK(ours.role == proto::Role::responder);
    CHECK(node.acceptor.handshakes() == 0);
}

Task<> dialer_says_why_not(Listening& node) {
    TcpDialer dialer(node.sim.runtime(), *node.elsewhere, node.stranger);
    const Endpoint silent = host_of(8);
    node.doors.swallow(silent);
    const NodeId other = proto::KeyPair::from_seed(seed_of(3)).public_key();
    Findings why;
    const std::vector<Endpoint> places{host_of(7), silent, node.door->local()};
    const auto began = node.sim.clock().now();
    auto link = co_await dialer.dial(other, places, why);
    CHECK(link.error() == Errc::cannot_connect);
    CHECK(node.sim.clock().now() - began <= TcpDialer::handshake_limit);
    REQUIRE(why.all().size() == 3);
    const auto check = [&](std::size_t at, Finding::Code code, std::size_t place) {
        CHECK(why.all()[at].code == code);
        CHECK(why.all()[at].node == other);
        CHECK(why.all()[at].what == places[place].text());
        CHECK(why.all()[at].path == TriedPath{TriedPath::Way::tcp, places[place]});
        CHECK(why.all()[at].after);
    };
    check(0, Finding::Code::tcp_refused, 0);
    check(1, Finding::Code::tcp_silent, 1);
    check(2, Finding::Code::tcp_other_node, 2);
}

// Waits until it is certain whether the stream has been broken.
Task<bool> is_broken(Listening& node, ByteStream& stream) {
    ByteVector bytes(1);
    auto limited = with_timeout(node.sim.clock(), 1ms, stream.read_some(bytes));
    auto got = co_await std::move(limited);
    co_return !got && got.error() != Errc::timed_out;
}

Task<> handshakes_are_few(Listening& node) {
    std::vector<std::unique_ptr<ByteStream>> streams;
    for (std::size_t i = 0; i < TcpAcceptor::max_handshakes_of_host; ++i)
        streams.push_back(co_await knock(node));
    const bool at_limit = co_await is_broken(node, *streams[0]);
    CHECK(!at_limit);
    streams.push_back(co_await knock(node));
    const bool oldest = co_await is_broken(node, *streams[0]);
    CHECK(oldest);
    const bool second = co_await is_broken(node, *streams[1]);
    CHECK(!second);
    std::vector<std::unique_ptr<ByteStreams>> hosts;
    for (std::uint32_t i = 0; i < TcpAcceptor::max_handshakes; ++i) {
        hosts.push_back(node.doors.open(host_of(1000 + i)));
        auto stream = co_await hosts.back()->connect(node.door->local());
        REQUIRE(stream);
        streams.push_back(*std::move(stream));
        CHECK(node.acceptor.handshakes() <= TcpAcceptor::max_handshakes);
    }
    const bool of_first_host = co_await is_broken(node, *streams[32]);
    CHECK(of_first_host);
    const bool newest = co_await is_broken(node, *streams.back());
    CHECK(!newest);
    auto slept = co_await node.sim.clock().sleep_for(TcpAcceptor::handshake_limit);
    CHECK(slept);
    CHECK(node.acceptor.handshakes() == 0);
}

}  // namespace

TEST_CASE("over TCP strangers learn nothing, and all refusals look alike") {
    while_listening(strangers_learn_nothing);
}
TEST_CASE("a handshake over TCP gives both sides the keys") { while_listening(both_have_the_keys); }
TEST_CASE("the TCP dialer says of each address why not") { while_listening(dialer_says_why_not); }
TEST_CASE("handshakes over TCP are bounded, of each host and in all") {
    while_listening(handshakes_are_few);
}
