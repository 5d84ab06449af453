#include <doctest/doctest.h>

#include <cmath>

#include "test/proto/transfer/range_sim.hpp"

using namespace kp2p;
using namespace kp2p::proto;
using namespace kp2p::test;

namespace {

constexpr std::uint64_t range_mib = chunk_bytes;
constexpr std::uint64_t range_part_bytes = 3'000'000;  // 3 or 4 chunks

const SimFile& range_file() {
    static const SimFile file(12 * range_mib + 100, 2);
    return file;
}

FileRange whole_range() { return {0, range_file().bytes.size()}; }

ByteVector all_but(ChunkIndex lacking) {
    ByteVector have{0xff, 0x1f};
    have[lacking / 8] &= static_cast<std::uint8_t>(~(1 << lacking % 8));
    return have;
}

}  // namespace

TEST_CASE("a range comes in order, and only the chunks that its parts lie in are asked for") {
    struct Row {
        const char* name;
        std::uint64_t start, end;
        std::size_t chunks;
    };
    const std::uint64_t size = range_file().bytes.size();
    const Row rows[] = {
        {"the whole file", 0, size, 16},  // of which 4 lie in two parts
        {"far past the end", 0, ~std::uint64_t{0}, 16},
        {"a byte", 4'000'000, 4'000'001, 4},
        {"over a seam", range_part_bytes - 1, range_part_bytes + 1, 6},
        {"one part", range_part_bytes, 2 * range_part_bytes, 4},
        {"the last byte", size - 1, size, 2},
        {"nothing", 5, 5, 0},
        {"backwards", 6, 5, 0},
        {"behind the end", size, size + 5, 0},
    };
    for (const Row& row : rows) {
        CAPTURE(std::string(row.name));
        RangeSim sim(range_file(), range_part_bytes, {row.start, row.end}, {{}});
        sim.run();
        CHECK(sim.download.complete());
        CHECK(sim.right());
        const std::uint64_t end = std::min(row.end, size);
        CHECK(sim.read.size() == end - std::min(row.start, end));
        CHECK(sim.providers.asked <= row.chunks);
        CHECK(sim.dropped.empty());
    }
}

TEST_CASE("parts of any size come, also many in one chunk") {
    for (std::uint64_t part_bytes : {std::uint64_t{10'007}, range_mib - 1, range_mib, range_mib + 1,
                                     range_file().bytes.size()}) {
        CAPTURE(part_bytes);
        RangeSim sim(range_file(), part_bytes, whole_range(), {{}, {}});
        sim.run();
        CHECK(sim.download.complete());
        CHECK(sim.right());
        CHECK(sim.dropped.empty());
    }
}

TEST_CASE("who gives a wrong part is named, nothing of it is read, and an honest one goes on") {
    struct Row {
        const char* name;
        SimProvider liar;
        Fault fault;
        std::uint64_t right_bytes;  // that come before the lie
    };
    const Row rows[] = {
        {"byte in the first part", {Lie::byte, 0}, Fault::wrong_chunk, 0},
        {"byte in a later part", {Lie::byte, 7}, Fault::wrong_chunk, 2 * range_part_bytes},
        {"size above", {Lie::size, 0}, Fault::wrong_size, 0},
        {"size below", {Lie::size_less, 0}, Fault::wrong_size, 0},
        {"size zero", {Lie::no_size, 0}, Fault::wrong_size, 0},
        {"wrong offset", {Lie::offset, 1}, Fault::bad_message, 0},
        {"short blocks", {Lie::short_block, 0}, Fault::bad_message, 0},
        {"broken frames", {Lie::frame, 0}, Fault::wrong_chunk, 0},
        {"unasked chunks", {Lie::unasked, 0}, Fault::bad_message, 0},
        {"bitfield of a wrong length", {Lie::bad_have, 0}, Fault::bad_message, 0},
    };
    for (const Row& row : rows) {
        CAPTURE(std::string(row.name));
        RangeSim sim(range_file(), range_part_bytes, whole_range(), {row.liar});
        sim.run();
        CHECK(!sim.download.complete());
        CHECK(!sim.download.front_expected());
        CHECK(sim.right());
        CHECK(sim.read.size() == row.right_bytes);
        REQUIRE(sim.dropped.contains(1));
        CHECK(sim.dropped.at(1) == row.fault);

        for (std::uint32_t seed = 1; seed <= 4; ++seed) {
            CAPTURE(seed);
            SimProvider honest;
            honest.joins_s = seed % 2 ? 0 : 0.05;
            RangeSim beside(range_file(), range_part_bytes, whole_range(), {row.liar, honest},
                            seed);
            beside.run();
            CHECK(beside.download.complete());
            CHECK(beside.right());
            CHECK(!beside.dropped.contains(2));
            CHECK(beside.providers.seconds() < 10);
        }
    }
}

TEST_CASE("among liars of all kinds only liars are named, whatever the order") {
    for (std::uint32_t seed = 1; seed <= 40; ++seed) {
        CAPTURE(seed);
        std::mt19937 generator(seed);
        const auto random = [&] { return static_cast<int>(generator() >> 8); };
        std::vector<SimProvider> rows(6);
        const std::size_t honest = generator() % rows.size();
        for (std::size_t i = 0; i < rows.size(); ++i) {
            SimProvider& row = rows[i];
            row.bytes_per_second = std::pow(10.0, 5.5 + random() % 300 / 100.0);
            row.joins_s = random() % 100 / 1000.0;
            row.at = static_cast<std::uint64_t>(random() % 13);
            if (i == honest) continue;
            if (random() % 3) row.lie = static_cast<Lie>(random() % 13);
            if (random() % 2) row.have = all_but(static_cast<ChunkIndex>(random() % 13));
            if (random() % 4 == 0) row.leaves_s = random() % 500 / 1000.0;
        }
        RangeSim sim(range_file(), range_part_bytes, whole_range(), rows, seed);
        sim.run();
        CHECK(sim.download.complete());
        CHECK(sim.right());
        for (const auto& [key, fault] : sim.dropped) {
            CHECK(rows[key - 1].lie != Lie::none);
            CHECK(rows[key - 1].lie != Lie::link);  // links say nothing here
        }
    }
}

TEST_CASE("no more is asked for than the reader will soon need") {
    struct Row {
        std::uint64_t part_bytes;
        std::size_t most_chunks;
    };
    const SimFile file(24 * range_mib, 3);
    const Row rows[] = {
        {10 * range_mib, 20},  // two parts
        {4 * range_mib, 8},
        {range_mib, 8},  // as many as the window of 8 MiB holds
        {10'007, 3},     // or 64 of them
    };
    for (const Row& row : rows) {
        CAPTURE(row.part_bytes);
        RangeSim sim(file, row.part_bytes, {0, file.bytes.size()}, {{}, {}, {}});
        sim.reads_bytes = 0;
        sim.run();
        CHECK(sim.download.next_bytes());
        std::set<ChunkIndex> chunks;
        for (const auto& [index, source] : sim.asked_of) chunks.insert(index);
        CHECK(chunks.size() <= row.most_chunks);
        CHECK(*chunks.rbegin() <= row.most_chunks);

        sim.reads_bytes = file.bytes.size();
        sim.run();
        CHECK(sim.download.complete());
        CHECK(sim.right());
    }
}

TEST_CASE("a part that is late at a slow node comes from another, and is called off there") {
    SimProvider slow, fast;
    slow.bytes_per_second = 50e3;
    fast.joins_s = 1;
    RangeSim sim(range_file(), range_part_bytes, whole_range(), {slow, fast});
    sim.run();
    CHECK(sim.download.complete());
    CHECK(sim.right());
    CHECK(sim.dropped.empty());
    CHECK(sim.called_off > 0);
    CHECK(sim.providers.seconds() < 20);  // the slow one alone needs longer for one chunk

    RangeSim alone(range_file(), range_part_bytes, whole_range(), {slow});
    alone.run();
    CHECK(alone.download.complete());
    CHECK(alone.called_off == 0);
    CHECK(alone.providers.asked <= 16);
}

TEST_CASE("a node that falls silent is let go of without blame, and another goes on") {
    for (const SimProvider& row : {SimProvider{Lie::stall, 3}, SimProvider{Lie::silence}}) {
        CAPTURE(static_cast<int>(row.lie));
        RangeSim sim(range_file(), range_part_bytes, whole_range(), {row});
        sim.run();
        CHECK(!sim.download.complete());
        CHECK(!sim.download.front_expected());
        CHECK(sim.dropped.empty());
        CHECK(sim.stalled == std::set<SourceKey>{1});

        RangeSim beside(range_file(), range_part_bytes, whole_range(), {row, {}});
        beside.run();
        CHECK(beside.download.complete());
        CHECK(beside.right());
        CHECK(beside.dropped.empty());
        CHECK(beside.providers.seconds() < 30);
    }
}

TEST_CASE("a node goes on with its parts over a better connection, and gives no chunk twice") {
    SimProvider old_one, better;
    old_one.bytes_per_second = better.bytes_per_second = 5e6;
    better.joins_s = 0.3;
    RangeSim sim(range_file(), range_part_bytes, whole_range(), {old_one, better});
    sim.same_node[2] = 1;
    sim.retire_at(0.3, 1);
    sim.run();
    CHECK(sim.download.complete());
    CHECK(sim.right());
    CHECK(sim.providers.given[1] > 0);
    CHECK(sim.providers.given[2] > 0);
    CHECK(sim.providers.asked <= 16);
    CHECK(!sim.download.owes(1));
}

TEST_CASE("what one connection of a node owed when it ended is asked of the other") {
    SimProvider old_one, better;
    old_one.bytes_per_second = better.bytes_per_second = 5e6;
    old_one.leaves_s = 0.5;
    better.joins_s = 0.1;
    RangeSim sim(range_file(), range_part_bytes, whole_range(), {old_one, better});
    sim.same_node[2] = 1;
    sim.run();
    CHECK(sim.download.complete());
    CHECK(sim.right());
}

TEST_CASE("a part is asked only of who has all of it") {
    SimProvider high, low;
    high.have = all_but(0);
    low.have = all_but(12);
    RangeSim sim(range_file(), range_part_bytes, whole_range(), {high, low});
    sim.run();
    CHECK(sim.download.complete());
    CHECK(sim.right());
    for (const auto& [index, source] : sim.asked_of) {
        if (index <= 1) CHECK(source == 2);
        if (index >= 12) CHECK(source == 1);
    }

    RangeSim alone(range_file(), range_part_bytes, whole_range(), {high});
    alone.run();
    CHECK(!alone.download.front_expected());
    CHECK(alone.read.empty());
    alone.download.have(alone.providers.now(), 1, 0);
    alone.run();
    CHECK(alone.download.complete());
    CHECK(alone.right());
}
