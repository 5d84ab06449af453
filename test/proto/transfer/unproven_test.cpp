// Chunks that a node passes on before it can tell whether they are right, and the last chunk, which
// all wait for.
#include <doctest/doctest.h>

#include <map>
#include <set>

#include "test/proto/transfer/moved_download.hpp"

using namespace kp2p;
using namespace kp2p::proto;
using namespace kp2p::test;
using namespace std::chrono_literals;

TEST_CASE("what cannot be judged yet may be given to who gets the file, too") {
    struct Row {
        const char* name;
        bool getter, wrong;
    };
    const Row rows[] = {{"nobody wants it", false, false},
                        {"somebody does", true, false},
                        {"it turns out to be wrong", true, true}};
    for (const Row& row : rows) {
        CAPTURE(row.name);
        Moved moved(5 * chunk_bytes + 7);
        moved.add(uploader, 100, std::nullopt);
        moved.give(uploader, 5);
        if (row.getter) moved.add_getter(2, 200);
        REQUIRE(moved.asked[uploader] == std::set<ChunkIndex>{3, 4});
        moved.give(uploader, 3, row.wrong);
        CHECK(moved.held == (row.getter ? std::set<ChunkIndex>{3} : std::set<ChunkIndex>{}));
        CHECK(moved.stored == std::set<ChunkIndex>{5});
        moved.give(uploader, 4);
        CHECK(moved.stored.contains(3) == !row.wrong);
        CHECK(moved.let_go.contains(3) == row.wrong);
        CHECK(moved.dropped.contains(uploader) == row.wrong);
    }
}

TEST_CASE("an unproven chunk is asked for, and who passes on a wrong one is not believed again") {
    for (const bool wrong : {false, true}) {
        CAPTURE(wrong);
        Moved moved(40 * chunk_bytes);
        moved.add(uploader, 100, std::nullopt);
        moved.give(uploader, 39);
        moved.add_getter(2, 200);
        REQUIRE(moved.asked[2].empty());
        moved.download.have_unproven(moved.now, 2, 28);
        moved.settle();
        REQUIRE(moved.asked[2] == std::set<ChunkIndex>{28});
        moved.give(2, 28, wrong);
        while (!moved.stored.contains(29)) moved.give_all_asked(uploader);
        CHECK(moved.stored.contains(28) == !wrong);
        CHECK(moved.dropped.empty());
        const ChunkIndex later = *moved.ever_asked.begin() - 1;
        moved.download.have_unproven(moved.now, 2, later);
        moved.settle();
        CHECK(moved.asked[2].contains(later) == !wrong);
        if (!wrong) continue;
        moved.download.have(moved.now, 2, later);  // that it has proven
        moved.settle();
        REQUIRE(moved.asked[2].contains(later));
        moved.give(2, later);
        while (!moved.stored.contains(later)) moved.give_all_asked(uploader);
        CHECK(moved.stored.contains(28));
    }
}

TEST_CASE("who passes on wrong chunks again and again has lied") {
    Moved moved(60 * chunk_bytes);
    moved.add(uploader, 100, std::nullopt);
    moved.give(uploader, 59);
    SourceKey key = 2;
    for (int times = 1; times <= Trust::max_misled; ++times, ++key) {
        CAPTURE(times);
        moved.add_getter(key, 200);
        const ChunkIndex index = *moved.ever_asked.begin() - 3;
        moved.download.have_unproven(moved.now, key, index);
        moved.settle();
        REQUIRE(moved.asked[key].contains(index));
        moved.give(key, index, true);
        while (!moved.let_go.contains(index)) moved.give_all_asked(uploader);
        CHECK(moved.dropped.contains(key) == (times == Trust::max_misled));
        moved.download.remove_source(moved.now, key);  // and opens the file again
        moved.settle();
    }
    while (!moved.download.complete()) moved.give_all_asked(uploader);
    CHECK_FALSE(moved.dropped.contains(uploader));
}

TEST_CASE("a number of a chunk that the file has not is no message") {
    Moved moved(2 * chunk_bytes);
    moved.add_getter(2, 200);
    moved.download.have_unproven(moved.now, 2, 2);
    moved.settle();
    CHECK(moved.dropped == std::set<SourceKey>{2});
}

TEST_CASE("a last chunk that comes slowly from all is waited for") {
    Moved moved(3 * chunk_bytes);
    moved.add(uploader, 100, std::nullopt);
    moved.add(2, 200, std::nullopt);
    std::map<SourceKey, std::uint64_t> offset;
    const auto began = moved.now;
    auto next_block = began + 1500ms;
    while (!moved.stored.contains(2) && moved.now < began + 10min) {
        moved.now += 100ms;
        moved.download.expire(moved.now);
        moved.settle();
        for (const SourceKey key : {uploader, SourceKey{2}})
            if (!moved.asked[key].contains(2)) offset[key] = 0;
        if (moved.now < next_block) continue;
        next_block = moved.now + 1500ms;
        for (const SourceKey key : {uploader, SourceKey{2}})
            if (moved.asked[key].contains(2)) {
                moved.give_block(key, 2, offset[key]);
                offset[key] += block_bytes;
            }
    }
    CHECK(moved.stored.contains(2));
    CHECK(moved.now - began < 40s);
}

TEST_CASE("who has a chunk more gets on, whether it can tell that it is right or not") {
    const Source::Time opened{}, later = opened + 5s, last = later + 5s;
    Source source(opened, {20 * chunk_bytes, ByteVector(have_bytes(20))});
    CHECK(source.learned() == opened);
    source.learn_unproven(later, 3);
    CHECK(source.learned() == later);
    source.learn(last, 3);
    CHECK(source.learned() == last);
}
