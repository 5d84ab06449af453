// Two connections to one node: the better one carries the work, the other gives what it owes.
#include "node/async/timeout.hpp"
#include "proto/file/manifest.hpp"
#include "proto/transfer/block.hpp"
#include "test/node/share/loading.hpp"
#include "test/node/share/raw_peer.hpp"
#include "test/run.hpp"

using namespace kp2p;
using namespace kp2p::test;
using namespace std::chrono_literals;

namespace {

// A file of which the test itself says which chunk goes over which connection, and when.
class Given {
  public:
    explicit Given(std::uint64_t chunks) : bytes(noise(chunks * mib)) {
        proto::LinkHasher hasher;
        hasher.update(bytes);
        file = hasher.finish();
        links_ = hasher.links();
    }
    Task<> give(ChannelEnd over, proto::Get get) {
        ++times_given[get.index];
        const ByteView chunk = ByteView(bytes).subspan(get.index * mib, mib);
        const proto::ChunkName name{get.id, get.index, links_.at(get.index)};
        const auto blocks = proto::cut_chunk(name, chunk);
        for (const proto::Block& block : blocks) {
            auto sent = co_await over->send(proto::data_type, block.head, block.bytes);
            REQUIRE(sent);
        }
    }
    Task<> open(ChannelEnd over) {
        auto wanted = co_await next<proto::Open>(over);
        CHECK(wanted.file == file);
        const proto::Opened opened{wanted.id, bytes.size(), std::nullopt};
        co_await send(over, encode(opened));
    }
    bool once_each() const {
        return times_given.size() == links_.size() &&
               std::ranges::all_of(times_given,
                                   [](const auto& given) { return given.second == 1; });
    }

    ByteVector bytes;
    Sha1 file;
    std::map<proto::ChunkIndex, int> times_given;

  private:
    std::vector<Sha1Link> links_;
};

// The gets that have come, and that come until a moment without any. It is short, since what is
// late at one connection is called off there and asked of another.
Task<std::vector<proto::Get>> gets(FakeNetwork& network, ChannelEnd over) {
    std::vector<proto::Get> all;
    for (;;) {
        auto got = co_await with_timeout(network.clock, 20ms, over->receive());
        if (!got) co_return all;
        auto message = proto::decode_transfer(got->type, got->payload);
        REQUIRE(message);
        if (const auto* get = std::get_if<proto::Get>(&*message)) all.push_back(*get);
    }
}

Task<> provide_itself(RawPeer& peer, Sha1 file, std::uint64_t size_bytes) {
    auto seeking = co_await next<proto::Seeking>(peer.lookup());
    const proto::Providing providing{seeking.request, file, size_bytes, peer.id(), true};
    co_await send(peer.lookup(), encode(providing));
    const proto::Lacking lacking{seeking.request};
    co_await send(peer.lookup(), encode(lacking));
}

Task<> give_all(FakeNetwork& network, Given& given, ChannelEnd over, const bool& done) {
    while (!done) {
        const auto wanted = co_await gets(network, over);
        for (const proto::Get& get : wanted) co_await given.give(over, get);
    }
}

// A load that has the last chunk, and has asked for some more over `old`, when a better connection
// is made, on which the file is open then.
struct Moving {
    Moving(FakeNetwork& in, FakeNode& node) : network(in), loader(node), peer(in) {}

    Task<> begin(Tasks& all) {
        old = co_await peer.open_transfer(loader.id);
        old_connection = peer.connection(loader.id);
        all.spawn(load(loader, given.file, outcome));
        co_await provide_itself(peer, given.file, given.bytes.size());
        co_await given.open(old);
        auto first = co_await next<proto::Get>(old);
        co_await given.give(old, first);
        owed = co_await gets(network, old);
        REQUIRE(owed.size() >= 2);
        REQUIRE(owed.size() < 20);
        network.connect_better(loader.id, peer.id());
        better = co_await peer.open_transfer(loader.id);
        co_await given.open(better);
    }
    void check_arrived() const {
        CAPTURE(outcome.diagnosis.text());
        REQUIRE(outcome.path);
        CHECK(content(*outcome.path) == given.bytes);
    }

    FakeNetwork& network;
    FakeNode& loader;
    RawPeer peer;
    Given given{14};
    Outcome outcome;
    ChannelEnd old, better;
    std::shared_ptr<Connection> old_connection;
    std::vector<proto::Get> owed;
};

Task<> to_the_better(FakeNetwork& network) {
    auto nodes = co_await members(network, 1);
    Moving moving(network, *nodes[0]);
    auto body = [&](Tasks& all) -> Task<> {
        co_await moving.begin(all);
        // What is owed comes over the old one, which is asked for nothing more.
        const proto::Get last = moving.owed.back();
        moving.owed.pop_back();
        for (const proto::Get& get : moving.owed) co_await moving.given.give(moving.old, get);
        const auto none = co_await gets(network, moving.old);
        CHECK(none.empty());
        CHECK(!moving.old_connection->is_closed());
        co_await moving.given.give(moving.old, last);
        auto closed = co_await next<proto::Close>(moving.old);
        CHECK(closed.id == last.id);
        auto ended = co_await with_timeout(network.clock, 5s, moving.old_connection->closed());
        CHECK(ended.error() == Errc::closed);
        co_await give_all(network, moving.given, moving.better, moving.outcome.over);
    };
    auto ended = co_await with_tasks(body);
    CHECK(ended);
    moving.check_arrived();
    CHECK(moving.given.once_each());
    CHECK(!logged(*nodes[0], moving.peer.id()));
}

Task<> back_to_the_other(FakeNetwork& network) {
    auto nodes = co_await members(network, 1);
    Moving moving(network, *nodes[0]);
    auto body = [&](Tasks& all) -> Task<> {
        co_await moving.begin(all);
        auto wanted = co_await gets(network, moving.better);
        CHECK(!wanted.empty());
        moving.peer.connection(nodes[0]->id)->close();
        co_await moving.given.open(moving.old);
        for (const proto::Get& get : moving.owed) co_await moving.given.give(moving.old, get);
        co_await give_all(network, moving.given, moving.old, moving.outcome.over);
    };
    auto ended = co_await with_tasks(body);
    CHECK(ended);
    moving.check_arrived();
    CHECK(!logged(*nodes[0], moving.peer.id()));
    CHECK(!moving.old_connection->is_closed());
}

// The old connection dies while it owes something: that is asked for over the better one.
Task<> without_the_old(FakeNetwork& network) {
    auto nodes = co_await members(network, 1);
    Moving moving(network, *nodes[0]);
    auto body = [&](Tasks& all) -> Task<> {
        co_await moving.begin(all);
        moving.old_connection->close();
        co_await give_all(network, moving.given, moving.better, moving.outcome.over);
    };
    auto ended = co_await with_tasks(body);
    CHECK(ended);
    moving.check_arrived();
    CHECK(moving.given.once_each());
}

Task<> cat_all(FakeNode& node, proto::Uri uri, Got& got, bool& done) {
    co_await cat(node, uri, got);
    done = true;
}

Task<> stream_to_the_better(FakeNetwork& network) {
    auto nodes = co_await members(network, 1);
    FakeNode& loader = *nodes[0];
    RawPeer peer(network);
    Given given(20);
    proto::Manifest manifest;
    manifest.size_bytes = given.bytes.size();
    manifest.sha1 = given.file;
    constexpr std::uint64_t part_bytes = 5 * mib;
    for (std::uint64_t at = 0; at < given.bytes.size(); at += part_bytes) {
        const ByteView part = ByteView(given.bytes).subspan(at, part_bytes);
        manifest.chunks.push_back({at, at + part_bytes, proto::sha1_of(part)});
    }
    auto stored = loader.store.put_bytes(as_bytes(manifest.text()));
    REQUIRE(stored);
    proto::Uri uri = uri_of(given.file);
    uri.manifest = *stored;
    Got got;
    bool done = false;
    auto body = [&](Tasks& all) -> Task<> {
        ChannelEnd old = co_await peer.open_transfer(loader.id);
        const std::shared_ptr<Connection> old_connection = peer.connection(loader.id);
        all.spawn(cat_all(loader, uri, got, done));
        co_await provide_itself(peer, given.file, given.bytes.size());
        co_await given.open(old);
        auto owed = co_await gets(network, old);
        REQUIRE(owed.size() >= 6);
        network.connect_better(loader.id, peer.id());
        ChannelEnd better = co_await peer.open_transfer(loader.id);
        co_await given.open(better);
        const proto::Get last = owed.back();
        owed.pop_back();
        for (const proto::Get& get : owed) co_await given.give(old, get);
        const auto none = co_await gets(network, old);
        CHECK(none.empty());
        CHECK(got.bytes.size() >= part_bytes);
        co_await given.give(old, last);
        auto closed = co_await next<proto::Close>(old);
        CHECK(closed.id == last.id);
        co_await give_all(network, given, better, done);
        auto ended = co_await with_timeout(network.clock, 5s, old_connection->closed());
        CHECK(ended.error() == Errc::closed);
    };
    auto ended = co_await with_tasks(body);
    CHECK(ended);
    CAPTURE(got.diagnosis.text());
    CHECK(got.ended);
    CHECK(got.bytes == given.bytes);
    CHECK(given.once_each());
}

}  // namespace

TEST_CASE("new gets go to the better connection, and the old one ends when it owes nothing") {
    test::in_network(to_the_better);
}
TEST_CASE("when the best connection dies its gets are asked again on the next") {
    test::in_network(back_to_the_other);
}
TEST_CASE("when the old connection dies what it owed is asked of the better one") {
    test::in_network(without_the_old);
}
TEST_CASE("a stream goes over to the better connection in the same way") {
    test::in_network(stream_to_the_better);
}
