// Which chunk a download asks for where several are getting the file.
#include <doctest/doctest.h>

#include <chrono>
#include <set>

#include "test/proto/transfer/moved_download.hpp"

using namespace kp2p;
using namespace kp2p::proto;
using namespace kp2p::test;
using namespace std::chrono_literals;

namespace {

constexpr ChunkIndex last = 19;

// Node `own` downloads 20 chunks of which it has the last, and asks nobody who has them all.
Moved begun(std::uint64_t own) {
    Moved moved((last + 1) * chunk_bytes);
    moved.download.set_own_node(own);
    moved.add(uploader, 100, std::nullopt);
    moved.give(uploader, last);
    moved.download.retire(uploader);
    return moved;
}

ByteVector chunks(ChunkIndex begin, ChunkIndex end) {
    ByteVector have(have_bytes(last + 1));
    for (ChunkIndex index = begin; index < end; ++index) add_chunk(have, index);
    return have;
}

}  // namespace

TEST_CASE("of several who are getting the file what the fewest have is asked for first") {
    std::set<ChunkIndex> all;
    for (std::uint64_t own = 1; own <= 8; ++own) {
        CAPTURE(own);
        Moved moved = begun(own);
        moved.add_getter(2, 200);
        moved.add(3, 300, chunks(4, 15));
        REQUIRE(!moved.asked[3].empty());
        all.insert(moved.asked[3].begin(), moved.asked[3].end());
        moved.add(4, 400, chunks(3, 15));
        CHECK(moved.asked[4].contains(3));
    }
    CHECK(all.size() > 4);  // not all take the same
}

TEST_CASE("of the only one who is getting the file what is proven soonest is asked for first") {
    for (std::uint64_t own = 1; own <= 8; ++own) {
        Moved moved = begun(own);
        moved.add(2, 200, chunks(4, 15));
        CHECK(moved.asked[2] == std::set<ChunkIndex>{13, 14});
    }
}

TEST_CASE("what is left to others who are getting the file is held back, and not for long") {
    using Asked = std::set<ChunkIndex>;
    int held_back = 0, left_one = 0;
    for (std::uint64_t own = 1; own <= 16; ++own) {
        CAPTURE(own);
        Moved moved((last + 1) * chunk_bytes);
        moved.download.set_own_node(own);
        moved.add(uploader, 100, std::nullopt);
        moved.asked[uploader].erase(last);
        for (std::uint64_t offset = 0; offset < chunk_bytes; offset += block_bytes) {
            moved.now += 1s;  // it is slow
            moved.give_block(uploader, last, offset);
        }
        moved.add(2, 200, chunks(2, last));
        while (!moved.asked[2].empty()) {
            moved.now += 20ms;
            moved.give_all_asked(2);
        }
        REQUIRE(moved.stored.size() == last - 1);
        const Asked asked = moved.asked[uploader];
        if (asked.empty()) {
            ++held_back;
            CHECK(moved.download.held_back());
            moved.now += 31s;
            moved.download.have(moved.now, 2, 5);  // it gets on, but not with these
            moved.settle();
            CHECK(moved.asked[uploader] == Asked{0, 1});
            CHECK(!moved.download.held_back());
        } else if (asked == Asked{1}) {
            ++left_one;
            moved.now += 16s;
            moved.give(uploader, 1);
            CHECK(moved.asked[uploader] == Asked{});
            moved.now += 15s;  // in all of which the other got nothing
            moved.download.expire(moved.now);
            moved.settle();
            CHECK(moved.asked[uploader] == Asked{0});
        }
    }
    CHECK(held_back > 0);
    CHECK(left_one > 0);
}
