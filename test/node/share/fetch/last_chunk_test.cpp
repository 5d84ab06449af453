// The last chunk that comes with the answer to an open, and no round trip later.
#include "proto/file/sha1.hpp"
#include "test/node/share/fake_network.hpp"
#include "test/node/share/loading.hpp"
#include "test/node/share/raw_peer.hpp"
#include "test/run.hpp"

using namespace kp2p;
using namespace kp2p::test;
using namespace std::chrono_literals;

namespace {

Task<> given_unasked(FakeNetwork& network) {
    auto nodes = co_await members(network, 1);
    const ByteVector bytes = noise(3 * mib + 5);
    auto file = nodes[0]->store.put_bytes(bytes);
    REQUIRE(file);
    RawPeer loader(network);
    ChannelEnd transfer = co_await loader.open_transfer(nodes[0]->id);
    const proto::WantLast want{1};
    const proto::Open open{1, *file};
    co_await send(transfer, encode(want));
    co_await send(transfer, encode(open));
    auto opened = co_await next<proto::Opened>(transfer);
    CHECK(opened.last_follows);
    auto data = co_await next<proto::Data>(transfer);
    CHECK(data.index == 3);
    const proto::Get get{1, 2};
    co_await send(transfer, encode(get));
    auto second = co_await next<proto::Data>(transfer);
    CHECK(second.index == 2);
}

Task<> taken_unasked(FakeNetwork& network) {
    auto nodes = co_await members(network, 1);
    RawPeer peer(network);
    ChannelEnd transfer = co_await peer.open_transfer(nodes[0]->id);
    const ByteVector bytes = noise(100);
    Outcome outcome;
    std::size_t gets = 0;
    auto body = [&](Tasks& all) -> Task<> {
        all.spawn(load(*nodes[0], proto::sha1_of(bytes), outcome));
        ChannelEnd lookup = peer.lookup();
        auto seeking = co_await next<proto::Seeking>(lookup);
        const proto::Providing providing{seeking.request, seeking.file, bytes.size(), peer.id(),
                                         true};
        co_await send(lookup, encode(providing));
        auto want = co_await next<proto::WantLast>(transfer);
        auto open = co_await next<proto::Open>(transfer);
        CHECK(want.id == open.id);
        const proto::Opened opened{open.id, bytes.size(), std::nullopt, false, true};
        co_await send(transfer, encode(opened));
        const proto::Data data{open.id, 0, 0, proto::BlockEncoding::plain, proto::first_link(),
                               bytes};
        co_await send(transfer, encode(data));
        for (;;) {  // until it is closed
            auto got = co_await transfer->receive();
            REQUIRE(got);
            auto message = proto::decode_transfer(got->type, got->payload);
            REQUIRE(message);
            gets += std::holds_alternative<proto::Get>(*message);
            if (std::holds_alternative<proto::Close>(*message)) break;
        }
    };
    auto ended = co_await with_tasks(body);
    CHECK(ended);
    CAPTURE(outcome.diagnosis.text());
    CHECK(outcome.path);
    CHECK(gets == 0);
}

// Before the provider has opened its half of the transfer channel.
Task<> asked_along_with_the_channel(FakeNetwork& network) {
    auto nodes = co_await members(network, 1);
    RawPeer peer(network);
    const auto connection = peer.connection(nodes[0]->id);
    REQUIRE(connection);
    connection->on_open(proto::transfer_protocol, [](const proto::RemoteOpen&) { return true; });
    ChannelEnd lookup = co_await peer.open_lookup(nodes[0]->id);
    const Sha1 wanted = proto::sha1_of(noise(100));
    Outcome outcome;
    auto body = [&](Tasks& all) -> Task<> {
        all.spawn(load(*nodes[0], wanted, outcome));
        auto seeking = co_await next<proto::Seeking>(lookup);
        const proto::Providing providing{seeking.request, seeking.file, 100, peer.id(), true};
        co_await send(lookup, encode(providing));
        auto slept = co_await network.clock.sleep_for(100ms);
        CHECK(slept);
        auto transfer =
            connection->open_ahead(proto::transfer_protocol, ByteVector(), ByteVector());
        connection->close();  // nothing comes any more but what waits
        auto open = co_await next<proto::Open>(transfer);
        CHECK(open.file == wanted);
        all.cancel();
    };
    auto ended = co_await with_tasks(body);
    CHECK(ended);
}

}  // namespace

TEST_CASE("a requester that wants the last chunk at once gets it with the answer") {
    in_network(given_unasked);
}

TEST_CASE("a file of one chunk is loaded in one round trip") { in_network(taken_unasked); }

TEST_CASE("a file is opened along with the channel") { in_network(asked_along_with_the_channel); }
