// Downloads that break off, and what neighbours read of them meanwhile.
#include "node/share/inventory/partial_desk.hpp"
#include "proto/file/sha1.hpp"
#include "test/node/share/loading.hpp"
#include "test/node/share/provider.hpp"
#include "test/node/share/raw_peer.hpp"
#include "test/run.hpp"

using namespace kp2p;
using namespace kp2p::test;
using namespace std::chrono_literals;

namespace {

Task<> until(FakeNetwork& network, std::function<bool()> ready) {
    while (!ready()) {
        auto slept = co_await network.clock.sleep_for(1ms);
        if (!slept) co_return;
    }
}

Task<> watched(FakeNetwork& network) {
    auto nodes = co_await members(network, 1);
    const ByteVector bytes = noise(13 * mib);
    Provider provider(network, bytes, LiarLie::stall, 2);
    RawPeer reader(network);
    ChannelEnd transfer = co_await reader.open_transfer(nodes[0]->id);

    Outcome first, second;
    auto body = [&](Tasks& all) -> Task<> {
        all.spawn(load(*nodes[0], provider.peer.file(), first));
        co_await until(network, [&] { return provider.peer.given_chunks() == 10; });
        auto kept = co_await network.clock.sleep_for(1s);
        CHECK(kept);
        const proto::Open open{1, provider.peer.file()};
        co_await send(transfer, encode(open));
        auto opened = co_await next<proto::Opened>(transfer);
        CHECK(opened.have.has_value());
        all.cancel();
    };
    auto broken_off = co_await with_tasks(body);
    CHECK(!first.path);
    (void)broken_off;
    Provider other(network, bytes);
    co_await load(*nodes[0], provider.peer.file(), second);
    REQUIRE(second.path);
    CHECK(content(*second.path) == bytes);
    REQUIRE(other.peer.given_chunks() == 3);  // what was kept was not fetched again
    CHECK(std::filesystem::is_empty(nodes[0]->directory.path() / "kp2p" / "partial"));
    // The reader's file is still good for what the second download has added.
    const proto::Get get{1, 0};
    co_await send(transfer, encode(get));
    auto data = co_await next<proto::Data>(transfer);
    CHECK(data.index == 0);
}

Task<> handed_out_once(FakeNetwork& network) {
    FakeNode& node = network.add();
    PartialDesk desk(network.runtime, node.store);
    const Sha1 file = proto::sha1_of(noise(1));
    auto first = co_await desk.open(file, 20 * mib, Partial::Wanted::whole);
    REQUIRE(first);
    auto resumed = co_await desk.resume(file);
    REQUIRE(resumed);
    CHECK(*resumed == *first);
    auto opened = co_await desk.open(file, 20 * mib, Partial::Wanted::ranges);
    REQUIRE(opened);
    CHECK(*opened == *first);
}

Task<> stored_meanwhile(FakeNetwork& network) {
    auto nodes = co_await members(network, 1);
    const ByteVector bytes = noise(6 * mib);
    Provider provider(network, bytes, LiarLie::stall, 2);
    Outcome loaded;
    auto body = [&](Tasks& all) -> Task<> {
        all.spawn(load(*nodes[0], provider.peer.file(), loaded));
        co_await until(network, [&] { return provider.peer.given_chunks() >= 3; });
        auto stored = nodes[0]->store.put_bytes(bytes);
        REQUIRE(stored);
        ByteVector got;
        ByteSink sink = [&](ByteView part) -> Task<Result<void>> {
            got.insert(got.end(), part.begin(), part.end());
            co_return ok;
        };
        Diagnosis diagnosis;
        std::vector<ByteRange> whole(1);
        auto done =
            co_await nodes[0]->share.cat(uri_of(provider.peer.file()), whole, sink, diagnosis);
        CHECK(done);
        CHECK(got == bytes);
        all.cancel();
    };
    auto ended = co_await with_tasks(body);
    (void)ended;
}

}  // namespace

TEST_CASE("a download that broke off goes on although a neighbour still reads it") {
    test::in_network(watched);
}
TEST_CASE("a partial that somebody holds is the one that others get") {
    test::in_network(handed_out_once);
}
TEST_CASE("cat reads a file that is stored while it is being loaded") {
    test::in_network(stored_meanwhile);
}
