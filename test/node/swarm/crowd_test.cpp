// A channel of more nodes than one can be connected to: swarms, with the searches of sharing over
// their connections.
#include <doctest/doctest.h>

#include <cstring>
#include <deque>

#include "node/async/timeout.hpp"
#include "node/share/lookup/finder.hpp"
#include "node/transport/outbox.hpp"
#include "test/node/swarm/world.hpp"

using namespace kp2p;
using namespace kp2p::test;

namespace {

Sha1 file_of(std::size_t number) {
    Sha1 file;
    std::memcpy(file.data(), &number, sizeof number);
    return file;
}

// A member of one channel that has one file, its own.
class Sharer {
  public:
    Sharer(World& world, std::size_t number)
        : world_(world),
          number_(number),
          member(world.add(Reach::open,
                           [this](std::shared_ptr<Connection> c) { return talk(std::move(c)); })),
          finder_(member.runtime, member.swarm.node_id()) {}

    Task<> enter(Tasks& all) {
        member.swarm.join(Topic());
        co_await member.enter(all);
    }

    // Whether the file is found and its provider connected to.
    Task<bool> load(std::size_t number) {
        std::set<NodeId> providers;
        const auto found = [&](const proto::Providing& what) { providers.insert(what.node); };
        Finder::Search search(finder_, file_of(number), found);
        for (Clock::Span waited{}; providers.empty() && waited < 15s; waited += 100ms) {
            auto slept = co_await world_.sim.clock().sleep_for(100ms);
            if (!slept) co_return false;
        }
        if (providers.empty()) co_return false;
        auto connecting = member.swarm.connect(*providers.begin());
        auto connected = co_await with_timeout(world_.sim.clock(), 20s, std::move(connecting));
        co_return bool(connected);
    }

  private:
    Task<> talk(std::shared_ptr<Connection> connection) {
        connection->on_open(protocol, [](const RemoteOpen&) { return true; });
        auto opened = co_await connection->open(protocol, ByteVector(), ByteVector());
        if (!opened) co_return;
        const NodeId remote = connection->remote();
        const std::shared_ptr<MuxChannel> mux = *opened;
        connection->trust();
        member.shared_with.insert(remote);
        Outbox outbox(world_.sim.loop().get_executor());
        const auto send = [&](const proto::LookupMessage& message) {
            if (!outbox.put(encode(message))) connection->close();
        };
        const auto look = [this](std::uint64_t ticket, const Sha1& file) {
            std::optional<proto::LocalFile> local;
            if (file == file_of(number_)) local = proto::LocalFile{1, true};
            finder_.looked(ticket, local);
        };
        const proto::Flood::End end{1, remote};
        Finder::Edge edge(finder_, end, send, look);
        auto body = [&](Tasks& all) -> Task<> {
            all.spawn(outbox.pour(mux));
            for (;;) {
                auto got = co_await mux->receive();
                if (!got) break;
                auto message = proto::decode_lookup(got->type, got->payload);
                if (message) edge.receive(*message);
            }
            all.cancel();
        };
        auto talked = co_await with_tasks(body);
        (void)talked;
        member.shared_with.erase(remote);
    }

    World& world_;
    std::size_t number_;

  public:
    Member& member;

  private:
    Finder finder_;
};

TEST_CASE("in a channel of eighty nodes every load and every newcomer succeeds") {
    constexpr std::size_t count = 80, newcomers = 4, loads = 8;
    in_world(9, [&](World& world, Tasks& all) -> Task<> {
        const auto kept = std::make_shared<std::deque<Sharer>>();
        world.kept.push_back(kept);
        std::deque<Sharer>& sharers = *kept;
        while (sharers.size() < count) {
            Sharer& sharer = sharers.emplace_back(world, sharers.size());
            all.spawn(sharer.enter(all));
            auto slept = co_await world.sim.clock().sleep_for(100ms);
            CHECK(slept);
        }
        auto slept = co_await world.sim.clock().sleep_for(30s);
        CHECK(slept);
        for (const Sharer& sharer : sharers) {
            CHECK(sharer.member.swarm.connections().size() >= Places::picks);
            CHECK(sharer.member.swarm.connections().size() <= Places::max_connections);
        }
        std::size_t loaded = 0, newcomers_loaded = 0;
        for (std::size_t i = 0; i < loads; i++) {
            const bool done = co_await sharers[i * 37 % count].load((i * 53 + 1) % count);
            loaded += done;
        }
        for (std::size_t i = 0; i < newcomers; i++) {
            Sharer& newcomer = sharers.emplace_back(world, sharers.size());
            co_await newcomer.enter(all);
            const bool done = co_await newcomer.load(i * 7);
            newcomers_loaded += done;
        }
        CHECK(loaded == loads);
        CHECK(newcomers_loaded == newcomers);
    });
}

}  // namespace
