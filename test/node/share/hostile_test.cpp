// Members that make things up, keep silent, or leave in the midst of it.
#include "test/node/share/loading.hpp"
#include "test/node/share/raw_peer.hpp"
#include "test/run.hpp"
#include "test/share/liar_peer.hpp"

using namespace kp2p;
using namespace kp2p::test;
using namespace std::chrono_literals;

namespace {

// Says that `nodes` have what is sought, and nothing more.
Task<> provide(ChannelEnd lookup, std::vector<NodeId> nodes, std::uint64_t size_bytes) {
    auto seeking = co_await next<proto::Seeking>(lookup);
    for (const NodeId& node : nodes) {
        const proto::Providing providing{seeking.request, seeking.file, size_bytes, node, true};
        co_await send(lookup, encode(providing));
    }
    const proto::Lacking lacking{seeking.request};
    co_await send(lookup, encode(lacking));
}

Task<> made_up(FakeNetwork& network) {
    const ChannelKey& key = lab_key();
    auto nodes = co_await members(network, 1);
    RawPeer liar(network);
    ChannelEnd lookup = co_await liar.open_lookup(nodes[0]->id);
    LiarPeer honest(key, numbered(3), noise(3 * mib), LiarLie::none, 0);
    std::vector<NodeId> invented;
    for (std::uint8_t i = 0; i < 64; ++i) invented.push_back(numbered(100 + i));
    Outcome outcome;
    auto body = [&](Tasks& all) -> Task<> {
        all.spawn(load(*nodes[0], honest.file(), outcome));
        co_await provide(lookup, invented, 3 * mib);
        network.add_stranger(proto::channel_topic(key), [&](std::shared_ptr<Connection> c) {
            return honest.serve(std::move(c));
        });
    };
    auto ended = co_await with_tasks(body);
    CHECK(ended);
    CAPTURE(outcome.diagnosis.text());
    CHECK(outcome.path);
}

Task<> silent(FakeNetwork& network) {
    auto nodes = co_await members(network, 1);
    RawPeer mute(network);
    ChannelEnd transfer = co_await mute.open_transfer(nodes[0]->id);
    ChannelEnd lookup = mute.lookup();
    Outcome outcome;
    const auto began = network.clock.now();
    auto body = [&](Tasks& all) -> Task<> {
        all.spawn(load(*nodes[0], proto::sha1_of(as_bytes("x")), outcome));
        const std::vector<NodeId> itself{mute.id()};
        co_await provide(lookup, itself, 1);
    };
    auto ended = co_await with_tasks(body);
    CHECK(ended);
    CHECK(outcome.path.error() == Errc::not_found);  // nothing was wrong
    CHECK(outcome.diagnosis.text().find(mute.id().hex() + " does not open") != std::string::npos);
    CHECK(logged(*nodes[0], mute.id()));
    CHECK(network.clock.now() - began < 60s);
}

Task<> hashing(FakeNetwork& network) {
    auto nodes = co_await members(network, 1);
    RawPeer slow(network);
    ChannelEnd transfer = co_await slow.open_transfer(nodes[0]->id);
    ChannelEnd lookup = slow.lookup();
    const ByteVector bytes = noise(1);
    Outcome outcome;
    auto body = [&](Tasks& all) -> Task<> {
        all.spawn(load(*nodes[0], proto::sha1_of(bytes), outcome));
        const std::vector<NodeId> itself{slow.id()};
        co_await provide(lookup, itself, 1);
        auto open = co_await next<proto::Open>(transfer);
        const proto::Preparing preparing{open.id};
        for (int i = 0; i < 10; ++i) {  // longer than it waits for one that says nothing
            co_await send(transfer, encode(preparing));
            auto slept = co_await network.clock.sleep_for(4s);
            if (!slept) co_return;
        }
        const proto::Opened opened{open.id, 1, std::nullopt};
        co_await send(transfer, encode(opened));
        auto get = co_await next<proto::Get>(transfer);
        const proto::Data data{get.id, 0, 0, proto::BlockEncoding::plain, proto::first_link(),
                               bytes};
        co_await send(transfer, encode(data));
    };
    auto ended = co_await with_tasks(body);
    CHECK(ended);
    CAPTURE(outcome.diagnosis.text());
    CHECK(outcome.path);
}

// A load whose only provider says again and again that what was asked for comes. How it ended, in
// less than 100 s.
Task<Outcome> promised_for_ever(FakeNetwork& network, RawPeer& slow, bool opens) {
    auto nodes = co_await members(network, 1);
    ChannelEnd transfer = co_await slow.open_transfer(nodes[0]->id);
    ChannelEnd lookup = slow.lookup();
    Outcome outcome;
    const auto began = network.clock.now();
    auto body = [&](Tasks& all) -> Task<> {
        all.spawn(load(*nodes[0], proto::sha1_of(as_bytes("x")), outcome));
        const std::vector<NodeId> itself{slow.id()};
        co_await provide(lookup, itself, 3 * mib);
        auto open = co_await next<proto::Open>(transfer);
        const proto::Opened opened{open.id, 3 * mib, std::nullopt};
        if (opens) co_await send(transfer, encode(opened));
        const proto::Preparing preparing{open.id};
        while (!outcome.over && network.clock.now() - began < 1h) {
            co_await send(transfer, encode(preparing));
            auto slept = co_await network.clock.sleep_for(4s);
            if (!slept) co_return;
        }
    };
    auto ended = co_await with_tasks(body);
    CHECK(ended);
    CAPTURE(outcome.diagnosis.text());
    CHECK(network.clock.now() - began < 100s);
    co_return outcome;
}

Task<> hashing_for_ever(FakeNetwork& network) {
    RawPeer slow(network);
    auto outcome = co_await promised_for_ever(network, slow, false);
    CHECK(outcome.path.error() == Errc::not_found);
    CHECK(outcome.diagnosis.text().find(slow.id().hex() + " does not open") != std::string::npos);
}

Task<> waiting_for_ever(FakeNetwork& network) {
    RawPeer slow(network);
    auto outcome = co_await promised_for_ever(network, slow, true);
    CHECK(outcome.path.error() == Errc::timed_out);
}

Task<> unlinked(FakeNetwork& network) {
    auto nodes = co_await members(network, 1);
    const ByteVector bytes = noise(70 * mib);
    auto stored = nodes[0]->store.put_bytes(bytes);
    REQUIRE(stored);
    std::filesystem::remove_all(nodes[0]->directory.path() / "kp2p" / "links");
    RawPeer reader(network);
    ChannelEnd transfer = co_await reader.open_transfer(nodes[0]->id);
    // Opened and closed over and over: no more than so many are worked on.
    for (proto::FileId id = 1; id <= 200; ++id) {
        const proto::Open open{id, *stored};
        const proto::Close close{id};
        co_await send(transfer, encode(open));
        co_await send(transfer, encode(close));
    }
    auto refused = co_await next<proto::Refused>(transfer);
    CHECK(refused.id == proto::max_open_files + 1);
    CHECK(refused.code == proto::RefusalCode::limit);
    // Those that are still being opened end when their next slice is hashed.
    bool again = true;
    for (proto::FileId id = 301; again; ++id) {
        auto slept = co_await network.clock.sleep_for(1ms);
        REQUIRE(slept);
        const proto::Open open{id, *stored};
        co_await send(transfer, encode(open));
        do {
            auto got = co_await transfer->receive();
            REQUIRE(got);
            auto decoded = proto::decode_transfer(got->type, got->payload);
            REQUIRE(decoded);
            const auto* said = std::get_if<proto::Refused>(&*decoded);
            const auto* opened = std::get_if<proto::Opened>(&*decoded);
            if (opened) again = false;
            if (opened || (said && said->id == id)) break;
        } while (true);
    }
}

Task<> leaves_the_channel(FakeNetwork& network) {
    auto nodes = co_await members(network, 1);
    RawPeer reader(network);
    ChannelEnd transfer = co_await reader.open_transfer(nodes[0]->id);
    reader.lookup()->close();
    auto got = co_await transfer->receive();
    CHECK(got.error() == Errc::closed);
    CHECK(!reader.connection(nodes[0]->id)->is_closed());
}

Task<> is_left(FakeNetwork& network) {
    auto nodes = co_await members(network, 1);
    RawPeer member(network);
    auto lookup = co_await member.open_lookup(nodes[0]->id);
    auto talking = co_await network.clock.sleep_for(1s);  // on both sides
    CHECK(talking);
    CHECK(nodes[0]->share.leave(lab()));
    auto got = co_await lookup->receive();
    CHECK(got.error() == Errc::closed);
    CHECK(!member.connection(nodes[0]->id)->is_closed());
}

Task<> without_a_channel(FakeNetwork& network) {
    auto nodes = co_await members(network, 1);
    RawPeer member(network);
    auto lookup = co_await member.open_lookup(nodes[0]->id);
    const std::shared_ptr<Connection> connection = member.connection(nodes[0]->id);
    auto slept = co_await network.clock.sleep_for(60s);
    REQUIRE(slept);
    CHECK(!connection->is_closed());
    lookup->close();
    slept = co_await network.clock.sleep_for(9s);
    REQUIRE(slept);
    CHECK(!connection->is_closed());
    slept = co_await network.clock.sleep_for(2s);
    REQUIRE(slept);
    CHECK(connection->is_closed());
}

}  // namespace

TEST_CASE("a member that makes up providers does not hide an honest one") {
    test::in_network(made_up);
}
TEST_CASE("a provider that never opens the file is named") { test::in_network(silent); }
TEST_CASE("a provider that says it is hashing the file is waited for") {
    test::in_network(hashing);
}
TEST_CASE("one that says so for ever, of a small file, is not waited for as long") {
    test::in_network(hashing_for_ever);
}
TEST_CASE("one that says for ever that its turn comes is not waited for as long") {
    test::in_network(waiting_for_ever);
}
TEST_CASE("opening and closing a file over and over is bounded, and it can still be opened") {
    test::in_network(unlinked);
}
TEST_CASE("who closes its last lookup channel is given nothing more") {
    test::in_network(leaves_the_channel);
}
TEST_CASE("leaving a channel closes its lookup channels at once") { test::in_network(is_left); }
TEST_CASE("a connection stays with its last lookup channel, and not much longer") {
    test::in_network(without_a_channel);
}
