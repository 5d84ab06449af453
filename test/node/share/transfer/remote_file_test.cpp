// A file that is open at a peer: what comes of it, in order and within bounds, and how it ends.
#include "node/share/transfer/remote_file.hpp"

#include "node/async/timeout.hpp"
#include "node/share/transfer/transfer_session.hpp"
#include "node/store/store.hpp"
#include "proto/file/links.hpp"
#include "proto/file/sha1.hpp"
#include "test/node/transport/memory_stream.hpp"
#include "test/run.hpp"
#include "test/sim/sim.hpp"
#include "test/temp_dir.hpp"

using namespace kp2p;
using namespace kp2p::test;
using namespace std::chrono_literals;

namespace {

using ChannelEnd = std::shared_ptr<MuxChannel>;
constexpr std::uint64_t mib = proto::chunk_bytes;

// A transfer session, and the peer's end of its channel.
struct Sides {
    explicit Sides(Sim& sim)
        : runtime(sim.runtime()),
          store(*Store::open(directory.path())),
          foreign(runtime),
          inventory(runtime, store, foreign),
          ends(connection_pair(runtime.executor, runtime.clock)),
          session(runtime, inventory, ends.initiator,
                  [this](const std::string& what) { complaints.push_back(what); }) {}

    Runtime& runtime;
    TempDir directory;
    Store store;
    ForeignCalls foreign;
    Inventory inventory;
    ConnectionPair ends;
    std::vector<std::string> complaints;
    TransferSession session;
    ChannelEnd peer;
};

template <class Message>
bool is(const Result<TransferEvent>& event) {
    return event && std::holds_alternative<Message>(event->message);
}

Task<> say(Sides& sides, proto::TransferMessage message) {
    const proto::Encoded encoded = encode(message);
    auto sent = co_await sides.peer->send(encoded.type, encoded.payload);
    CHECK(sent);
}

Task<> pause(Sides& sides) {
    auto slept = co_await sides.runtime.clock.sleep_for(1s);
    CHECK(slept);
}

Task<> open_peer(Sides& sides) {
    auto opened =
        co_await sides.ends.responder->open(proto::transfer_protocol, ByteVector(), ByteVector());
    REQUIRE(opened);
    sides.peer = *opened;
}

// Runs `body` with both sides of an open channel.
template <class Body>
void between(Body body) {
    Sim sim(1);
    Sides sides(sim);
    auto root = [&]() -> Task<> {
        auto all_of_it = [&](Tasks& all) -> Task<> {
            sides.session.start(all);
            sides.session.allow({*ChannelName::parse("lab")});
            all.spawn(run_connection(sides.ends.initiator));
            all.spawn(run_connection(sides.ends.responder));
            co_await open_peer(sides);
            co_await body(sides, all);
            all.cancel();
        };
        auto ended = co_await with_tasks(all_of_it);
        (void)ended;
        sides.session.stop();
    };
    sim.run(root());
}

// Before a file is wanted: it would wait for a round trip.
Task<> opened_early(Sides& sides) {
    bool asked = false;
    auto body = [&](Tasks& all) -> Task<> {
        sides.session.start(all);
        all.spawn(run_connection(sides.ends.initiator));
        all.spawn(run_connection(sides.ends.responder));
        sides.ends.responder->on_open(proto::transfer_protocol, [&](const proto::RemoteOpen&) {
            asked = true;
            return false;
        });
        co_await pause(sides);
        CHECK_FALSE(asked);  // nothing is proven
        sides.session.allow({*ChannelName::parse("lab")});
        co_await pause(sides);
        CHECK(asked);
        asked = false;
        RemoteFile file(sides.session, proto::sha1_of(as_bytes("x")));
        co_await pause(sides);
        CHECK(asked);  // once more, since it was refused
        all.cancel();
    };
    auto ended = co_await with_tasks(body);
    (void)ended;
    sides.session.stop();
}

const Sha1 some_file = proto::sha1_of(as_bytes("x"));

Task<> in_order(Sides& sides, Tasks&) {
    RemoteFile file(sides.session, some_file), other(sides.session, some_file);
    const proto::Preparing preparing{1};
    const proto::Opened opened{1, 3 * mib, ByteVector{5}};
    const proto::Have have{2, 1};
    const proto::Refused refused{1, proto::RefusalCode::unavailable};
    co_await say(sides, preparing);
    co_await say(sides, opened);
    co_await say(sides, have);
    co_await say(sides, refused);
    auto first = co_await file.next();
    CHECK(is<proto::Preparing>(first));
    auto second = co_await file.next();
    REQUIRE(is<proto::Opened>(second));
    CHECK(std::get<proto::Opened>(second->message) == opened);
    auto third = co_await file.next();
    REQUIRE(is<proto::Refused>(third));
    CHECK(std::get<proto::Refused>(third->message) == refused);
    auto over = co_await file.next();
    CHECK(over.error() == Errc::closed);
    CHECK(!file.is_open());
    auto others = co_await other.next();
    CHECK(is<proto::Have>(others));
    CHECK(other.is_open());
}

// The peer's own files have the same ids.
Task<> both_ways(Sides& sides, Tasks&) {
    RemoteFile file(sides.session, some_file);
    const proto::Open open{1, some_file};
    const proto::Cancel cancel{1, 0};
    const proto::Opened opened{1, 1, std::nullopt};
    co_await say(sides, open);
    co_await say(sides, cancel);
    co_await say(sides, opened);
    auto event = co_await file.next();
    CHECK(is<proto::Opened>(event));
}

struct EndRow {
    const char* name;
    std::function<void(Sides&)> happens;
    std::error_code why;
};

Task<> pour_garbage(ChannelEnd peer) {
    const ByteVector garbage(3, 0xff);
    auto sent = co_await peer->send(proto::data_type, garbage);
    CHECK(sent);
}

Task<> ending(Sides& sides, Tasks& all) {
    const EndRow rows[] = {
        {"garbage", [&](Sides& s) { all.spawn(pour_garbage(s.peer)); }, proto::Errc::truncated},
        {"the channel", [](Sides& s) { s.peer->close(); }, Errc::closed},
        {"our membership", [](Sides& s) { s.session.allow({}); }, Errc::closed},
        {"the connection", [](Sides& s) { s.ends.responder->close(); }, Errc::closed},
    };
    for (const EndRow& row : rows) {
        CAPTURE(std::string(row.name));
        sides.session.allow({*ChannelName::parse("lab")});
        if (!sides.peer || sides.peer->is_closed()) co_await open_peer(sides);
        RemoteFile file(sides.session, some_file);
        auto got = co_await sides.peer->receive();
        REQUIRE(got);
        auto open = proto::decode_transfer(got->type, got->payload);
        REQUIRE(open);
        const proto::Preparing preparing{proto::file_of(*open)};
        co_await say(sides, preparing);
        co_await pause(sides);
        row.happens(sides);
        co_await pause(sides);
        CHECK(!file.is_open());
        auto came = co_await file.next();
        CHECK(is<proto::Preparing>(came));  // before it ended
        auto over = co_await file.next();
        CHECK(over.error() == row.why);
        auto still = co_await file.next();
        CHECK(still.error() == row.why);
    }
    CHECK(sides.complaints == std::vector<std::string>{"sent a message that makes no sense"});
}

Task<> wait_for_next(RemoteFile& file, std::optional<std::error_code>& over) {
    auto event = co_await file.next();
    over = event.error();
}

Task<> closed_meanwhile(Sides& sides, Tasks& all) {
    RemoteFile file(sides.session, some_file);
    std::optional<std::error_code> over;
    all.spawn(wait_for_next(file, over));
    co_await pause(sides);
    CHECK(!over);
    file.close();
    co_await pause(sides);
    CHECK(over == std::error_code(Errc::closed));
}

constexpr std::uint64_t flood_blocks = 600;

// Of the file 1, and then a word of the file 2.
Task<> flood(Sides& sides, std::uint64_t& sent_blocks) {
    const ByteVector bytes(proto::block_bytes);
    for (; sent_blocks < flood_blocks; ++sent_blocks) {
        const proto::Data data{
            1, sent_blocks, proto::block_bytes, proto::BlockEncoding::plain, Sha1Link(), bytes};
        co_await say(sides, data);
    }
    const proto::Have have{2, 1};
    co_await say(sides, have);
}

Task<> bounded(Sides& sides, Tasks& all) {
    RemoteFile file(sides.session, some_file);
    RemoteFile other(sides.session, some_file);
    std::uint64_t sent = 0;
    all.spawn(flood(sides, sent));
    for (int i = 0; i < 10; ++i) co_await pause(sides);
    CHECK(sent * proto::block_bytes < 4 * mib);
    // What is taken makes room for more of it, and nothing is left out.
    for (std::uint64_t i = 0; i < 200; ++i) {
        auto event = co_await file.next();
        REQUIRE(is<proto::Data>(event));
        const auto& data = std::get<proto::Data>(event->message);
        CHECK(data.index == i);
        CHECK(data.bytes.size() == proto::block_bytes);
        const ByteView payload = event->payload;
        CHECK(data.bytes.data() > payload.data());
        CHECK(data.bytes.data() < payload.data() + payload.size());
    }
    for (int i = 0; i < 10; ++i) co_await pause(sides);
    CHECK(sent < flood_blocks);
    // Nobody takes the rest: whoever closes it lets the others go on.
    file.close();
    auto event = co_await other.next();
    CHECK(is<proto::Have>(event));
    CHECK(sent == flood_blocks);
}

}  // namespace

TEST_CASE("the transfer channel is opened when a channel is proven") {
    Sim sim(1);
    Sides sides(sim);
    sim.run(opened_early(sides));
}

TEST_CASE("what a peer says of a file comes in order, and of no other") { between(in_order); }
TEST_CASE("what a peer asks for is not taken for an answer") { between(both_ways); }
TEST_CASE("a file that ends gives what had come, and says why") { between(ending); }
TEST_CASE("whoever waits for a file that is closed waits no more") { between(closed_meanwhile); }
TEST_CASE("what waits for a file's owner is bounded, and holds others up no longer than it") {
    between(bounded);
}
