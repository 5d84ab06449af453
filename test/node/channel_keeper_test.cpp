#include "node/channel_keeper.hpp"

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
    std::unique_ptr<ConfigDir> config = *ConfigDir::open(directory.path(), why);
    Names names() { return *config->channels(why); }
};

Task<> change_before_rejoined(FakeNetwork& network) {
    Kept kept;
    const Names before{named("a"), named("b"), named("c")};
    REQUIRE(kept.config->keep_channels(before));
    FakeNode& node = network.add();
    ChannelKeeper keeper(network.executor, node.share, *kept.config, network.pool, kept.names());
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
    ChannelKeeper keeper(network.executor, node.share, *kept.config, network.pool, kept.names());
    const Names more(2, named("d"));
    co_await keeper.start(more);
    CHECK(kept.names() == Names{named("d")});
    CHECK(node.share.channels() == Names{named("d")});
}

}  // namespace

TEST_CASE("channels that are not rejoined yet are neither forgotten nor out of reach") {
    run(with_network(change_before_rejoined));
}
TEST_CASE("channels named at the start are kept") { run(with_network(more_at_start)); }
