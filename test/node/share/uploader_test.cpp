// What a neighbour costs that opens files and does not read.
#include <fstream>

#include "test/node/share/fake_network.hpp"
#include "test/node/share/raw_peer.hpp"
#include "test/run.hpp"

using namespace kp2p;
using namespace kp2p::test;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace {

std::size_t open_descriptors() {
    const fs::directory_iterator all("/proc/self/fd");
    return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

Task<> idle_files(FakeNetwork& network) {
    auto nodes = co_await members(network, 1);
    RawPeer reader(network);
    ChannelEnd transfer = co_await reader.open_transfer(nodes[0]->id);
    std::vector<Sha1> files;
    for (std::uint32_t i = 0; i < proto::max_open_files; ++i)
        files.push_back(*nodes[0]->store.put_bytes(noise(mib + 5, i)));
    const std::size_t before = open_descriptors();
    proto::FileId id = 0;
    for (const Sha1& file : files) {
        const proto::Open open{++id, file};
        co_await send(transfer, encode(open));
    }
    for (std::size_t i = 0; i < files.size(); ++i) {
        auto opened = co_await next<proto::Opened>(transfer);
        CHECK(opened.size_bytes == mib + 5);
    }
    CHECK(open_descriptors() <= before + 1);  // that of the directory which counts them
    const proto::Open another{++id, files[0]};
    co_await send(transfer, encode(another));
    auto refused = co_await next<proto::Refused>(transfer);
    CHECK(refused.code == proto::RefusalCode::limit);
    const proto::Get get{1, 1};
    co_await send(transfer, encode(get));
    auto data = co_await next<proto::Data>(transfer);
    CHECK(data.index == 1);
}

// What is left to be given is read again when the neighbour reads on, and so is not held: here it
// cannot be read any more by then.
Task<> unread(FakeNetwork& network) {
    constexpr std::uint64_t chunks = 24, last_bytes = mib / 2;
    constexpr std::uint64_t size_bytes = (chunks - 1) * mib + last_bytes;
    auto nodes = co_await members(network, 1);
    auto file = nodes[0]->store.put_bytes(noise(size_bytes));
    REQUIRE(file);
    RawPeer reader(network);
    ChannelEnd transfer = co_await reader.open_transfer(nodes[0]->id);
    const proto::Open open{1, *file};
    co_await send(transfer, encode(open));
    auto opened = co_await next<proto::Opened>(transfer);
    CHECK(opened.size_bytes == size_bytes);
    // The short one first: what the connection holds then ends within a chunk.
    for (std::uint64_t i = 0; i < chunks; ++i) {
        const proto::Get get{1, chunks - 1 - i};
        co_await send(transfer, encode(get));
    }
    auto slept = co_await network.clock.sleep_for(10s);
    REQUIRE(slept);
    fs::remove(Layout(nodes[0]->store.root()).content(*file));
    std::map<proto::ChunkIndex, std::size_t> blocks;
    std::optional<proto::Refused> refused;
    while (!refused) {
        auto got = co_await transfer->receive();
        REQUIRE(got);
        auto message = proto::decode_transfer(got->type, got->payload);
        REQUIRE(message);
        if (const auto* data = std::get_if<proto::Data>(&*message)) ++blocks[data->index];
        if (const auto* said = std::get_if<proto::Refused>(&*message)) refused = *said;
    }
    CHECK(refused->code == proto::RefusalCode::unavailable);
    CHECK(blocks[chunks - 1] == last_bytes / proto::block_bytes);
    blocks.erase(chunks - 1);
    const auto whole = std::count_if(blocks.begin(), blocks.end(), [](const auto& chunk) {
        return chunk.second == mib / proto::block_bytes;
    });
    CHECK(static_cast<std::size_t>(whole) < blocks.size());
}

// One that reads slowly gets all of it all the same, each block once.
Task<> slow(FakeNetwork& network) {
    constexpr std::uint64_t chunks = 8;
    auto nodes = co_await members(network, 1);
    const ByteVector bytes = noise(chunks * mib);
    auto file = nodes[0]->store.put_bytes(bytes);
    REQUIRE(file);
    RawPeer reader(network);
    ChannelEnd transfer = co_await reader.open_transfer(nodes[0]->id);
    const proto::Open open{1, *file};
    co_await send(transfer, encode(open));
    auto opened = co_await next<proto::Opened>(transfer);
    CHECK(opened.size_bytes == bytes.size());
    for (std::uint64_t i = 0; i < chunks; ++i) {
        const proto::Get get{1, i};
        co_await send(transfer, encode(get));
    }
    std::vector<std::uint64_t> got_bytes(chunks);
    for (std::uint64_t left = chunks * mib / proto::block_bytes; left > 0; --left) {
        if (left % 16 == 0) {
            auto slept = co_await network.clock.sleep_for(3s);
            REQUIRE(slept);
        }
        auto got = co_await transfer->receive();
        REQUIRE(got);
        auto message = proto::decode_transfer(got->type, got->payload);
        REQUIRE(message);
        const auto* data = std::get_if<proto::Data>(&*message);
        REQUIRE(data);
        CHECK(data->offset == got_bytes[data->index]);
        got_bytes[data->index] += proto::block_bytes;
    }
    CHECK(got_bytes == std::vector<std::uint64_t>(chunks, mib));
}

// Also where what is asked for is looked for at different times.
Task<> short_and_long(FakeNetwork& network) {
    auto nodes = co_await members(network, 1);
    auto long_one = nodes[0]->store.put_bytes(noise(8 * mib));
    auto short_one = nodes[0]->store.put_bytes(noise(1000));
    REQUIRE(long_one);
    REQUIRE(short_one);
    RawPeer reader(network);
    ChannelEnd transfer = co_await reader.open_transfer(nodes[0]->id);
    proto::FileId id = 0;
    for (const Sha1& file : {*long_one, *short_one}) {
        const proto::WantLast last{++id};
        const proto::Open open{id, file};
        co_await send(transfer, encode(last));
        co_await send(transfer, encode(open));
    }
    std::size_t opened = 0;
    std::optional<proto::FileId> first;
    while (opened < 2 || !first) {
        auto got = co_await transfer->receive();
        REQUIRE(got);
        auto message = proto::decode_transfer(got->type, got->payload);
        REQUIRE(message);
        opened += std::holds_alternative<proto::Opened>(*message);
        const auto* data = std::get_if<proto::Data>(&*message);
        if (data && !first) first = data->id;
    }
    CHECK(first == 2);
    // Nor behind those chunks that are under way.
    for (std::uint64_t i = 0; i < 7; ++i) {
        const proto::Get get{1, i};
        co_await send(transfer, encode(get));
    }
    auto under_way = co_await next<proto::Data>(transfer);
    CHECK(under_way.id == 1);
    const proto::Get again{2, 0};
    co_await send(transfer, encode(again));
    std::uint64_t before = 0;
    for (auto data = under_way; data.id == 1; ++before) data = co_await next<proto::Data>(transfer);
    CHECK(before * proto::block_bytes < 2 * mib);
}

}  // namespace

TEST_CASE("files that a neighbour has open cost no descriptors while nobody reads them") {
    test::in_network(idle_files);
}
TEST_CASE("a neighbour that does not read holds no chunks") { test::in_network(unread); }
TEST_CASE("a neighbour that reads slowly gets each block once") { test::in_network(slow); }
TEST_CASE("a short file does not wait behind a long one") { test::in_network(short_and_long); }
