#include "node/process/channel_keeper.hpp"

#include "test/node/share/fake_network.hpp"
#include "test/run.hpp"

using namespace kp2p;
using namespace kp2p::test;

namespace {

using Names = std::vector<ChannelName>;

ChannelName named(const char* name) { return *ChannelName::parse(name); }

// The list of a node that was killed, as the next one finds it.
struct Kept {
    TempDir directory;
    std::string why;
    SystemRandom random;
    std::unique_ptr<ConfigDir> config = *ConfigDir::open(directory.path(), random, why);
    Names names() { return *config->channels(why); }
    ChannelKeys keys() { return config->channel_keys(names()); }
};

Task<> change_before_rejoined(FakeNetwork& network) {
    Kept kept;
    const Names before{named("a"), named("b"), named("c")};
    REQUIRE(kept.config->keep_channels(before));
    FakeNode& node = network.add();
    ChannelKeeper keeper(network.runtime, node.share, *kept.config, kept.names(), kept.keys());
    auto joined = co_await keeper.join(named("x"));
    REQUIRE(joined);
    CHECK(kept.names() == Names{named("a"), named("b"), named("c"), named("x")});
    auto left = co_await keeper.leave(named("c"));
    REQUIRE(left);
    auto again = co_await keeper.leave(named("c"));
    CHECK(again.error() == Errc::usage);
    CHECK(kept.names() == Names{named("a"), named("b"), named("x")});
    co_await keeper.start(Names());
    CHECK(node.share.channels() == Names{named("a"), named("b"), named("x")});
}

Task<> more_at_start(FakeNetwork& network) {
    Kept kept;
    FakeNode& node = network.add();
    ChannelKeeper keeper(network.runtime, node.share, *kept.config, kept.names(), kept.keys());
    const Names more(2, named("d"));
    co_await keeper.start(more);
    CHECK(kept.names() == Names{named("d")});
    CHECK(node.share.channels() == Names{named("d")});
}

Task<> load(FakeNode& node, Sha1 file, Result<std::filesystem::path>& path) {
    Diagnosis diagnosis;
    path = co_await node.share.load(uri_of(file), ProgressSink(), diagnosis);
    CAPTURE(diagnosis.text());
    CHECK(path);
}

Task<> load_at_start(FakeNetwork& network) {
    auto nodes = co_await members(network, 1);
    auto stored = nodes[0]->store.put_bytes(noise(1));
    REQUIRE(stored);
    Kept kept;
    Names before{lab()};
    for (const char* name : {"a", "b", "c", "d", "e", "f", "z"}) before.push_back(named(name));
    REQUIRE(kept.config->keep_channels(before));
    FakeNode& node = network.add();
    ChannelKeeper keeper(network.runtime, node.share, *kept.config, kept.names(), kept.keys());
    Result<std::filesystem::path> path;
    auto body = [&](Tasks& all) -> Task<> {
        all.spawn(keeper.start(Names()));
        CHECK(node.share.channels().empty());
        all.spawn(load(node, *stored, path));
        co_return;
    };
    auto ended = co_await with_tasks(body);
    CHECK(ended);
    CHECK(node.share.channels().size() == 8);

    // And the next time at once.
    FakeNode& again = network.add();
    CHECK(kept.keys().size() == 8);
    ChannelKeeper quick(network.runtime, again.share, *kept.config, kept.names(), kept.keys());
    auto restart = [&](Tasks& all) -> Task<> {
        all.spawn(quick.start(Names()));
        CHECK(again.share.channels().size() == 8);
        all.spawn(load(again, *stored, path));
        co_return;
    };
    auto restarted = co_await with_tasks(restart);
    CHECK(restarted);
    auto left = co_await quick.leave(named("z"));
    CHECK(left);
    CHECK(kept.config->channel_keys(before).size() == 7);
}

}  // namespace

TEST_CASE("a load waits for the channels that are still to be joined, which takes time once") {
    in_network(load_at_start);
}
TEST_CASE("channels that are not rejoined yet are neither forgotten nor out of reach") {
    in_network(change_before_rejoined);
}
TEST_CASE("channels named at the start are kept") { in_network(more_at_start); }
