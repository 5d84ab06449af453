// What an uploader promises to a neighbour that asks and asks.
#include "node/share/transfer/uploader.hpp"

#include <doctest/doctest.h>

#include "proto/file/links.hpp"
#include "test/sim/sim.hpp"
#include "test/temp_dir.hpp"

using namespace kp2p;
using namespace kp2p::test;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t files = proto::max_open_files;
constexpr std::size_t gets_of_file = proto::max_outstanding_gets / files;

Task<> asked_for_too_much(Sim& sim) {
    TempDir directory;
    Store store = *Store::open(directory.path());
    auto sha1 = store.put_bytes(ByteVector((gets_of_file + 1) * proto::chunk_bytes));
    REQUIRE(sha1);
    ForeignCalls foreign(sim.runtime());
    Inventory inventory(sim.runtime(), store, foreign);
    std::vector<proto::Encoded> said;
    const auto put = [&](proto::Encoded message, Outbox::Sent) {
        said.push_back(std::move(message));
    };
    Uploader uploader(
        sim.runtime(), inventory, put, [](std::size_t) {}, [] { return std::vector<Throttle*>(); },
        NodeId());
    auto body = [&](Tasks& tasks) -> Task<> {
        uploader.work_in(tasks);
        for (proto::FileId id = 1; id <= files; ++id)
            CHECK(uploader.receive(proto::Open{id, *sha1}));
        auto opened = co_await sim.clock().sleep_for(1min);
        CHECK(opened);
    };
    auto ended = co_await with_tasks(body);
    CHECK(ended);
    CHECK(said.size() == files);
    for (proto::FileId id = 1; id <= files; ++id)
        for (std::size_t i = 0; i < gets_of_file; ++i) CHECK(uploader.receive(proto::Get{id, i}));
    CHECK(said.size() == files);
    CHECK(uploader.receive(proto::Get{1, gets_of_file}));  // one more, of all files
    REQUIRE(said.size() == files + 1);
    const auto last = proto::decode_transfer(said.back().type, said.back().payload);
    REQUIRE(last);
    const auto* refused = std::get_if<proto::Refused>(&*last);
    REQUIRE(refused);
    CHECK(refused->id == 1);
    CHECK(refused->code == proto::RefusalCode::limit);
}

struct LastRow {
    const char* name;
    std::vector<proto::TransferMessage> messages;
    bool follows;
};
Task<> answers(Sim& sim, const LastRow& row, const Sha1& some_file, Inventory& inventory) {
    std::vector<proto::TransferMessage> said;
    Outbox::Sent sent;
    const auto put = [&](const proto::Encoded& message, Outbox::Sent when_sent) {
        said.push_back(*proto::decode_transfer(message.type, message.payload));
        sent = std::move(when_sent);
    };
    Uploader uploader(
        sim.runtime(), inventory, put, [](std::size_t) {}, [] { return std::vector<Throttle*>(); },
        NodeId());
    auto body = [&](Tasks& tasks) -> Task<> {
        uploader.work_in(tasks);
        for (proto::TransferMessage message : row.messages) {
            if (auto* open = std::get_if<proto::Open>(&message)) open->file = some_file;
            CHECK(uploader.receive(message));
        }
        auto slept = co_await sim.clock().sleep_for(1s);
        CHECK(slept);
        REQUIRE(said.size() == 1);
        const auto* opened = std::get_if<proto::Opened>(&said[0]);
        REQUIRE(opened);
        CHECK(opened->last_follows == row.follows);
        CHECK(bool(sent) == row.follows);
    };
    auto ended = co_await with_tasks(body);
    CHECK(ended);
}

Task<> last_chunks(Sim& sim) {
    TempDir directory;
    Store store = *Store::open(directory.path());
    auto sha1 = store.put_bytes(ByteVector(3 * proto::chunk_bytes + 1));
    REQUIRE(sha1);
    ForeignCalls foreign(sim.runtime());
    Inventory inventory(sim.runtime(), store, foreign);
    const LastRow rows[] = {
        {"not wanted", {proto::Open{1, {}}}, false},
        {"wanted", {proto::WantLast{1}, proto::Open{1, {}}}, true},
        {"of another id", {proto::WantLast{2}, proto::Open{1, {}}}, false},
        {"too late", {proto::Open{1, {}}, proto::WantLast{1}}, false},
    };
    for (const LastRow& row : rows) {
        CAPTURE(row.name);
        co_await answers(sim, row, *sha1, inventory);
    }
}

}  // namespace

TEST_CASE("of all gets that wait for a neighbour so many are kept, whatever files they are of") {
    Sim sim(1);
    sim.run(asked_for_too_much(sim));
}

TEST_CASE("the last chunk follows the answer to who has said so just before") {
    Sim sim(1);
    sim.run(last_chunks(sim));
}
