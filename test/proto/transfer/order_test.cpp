// Which chunk a download asks for where several are getting the file.
#include <doctest/doctest.h>

#include <set>

#include "test/proto/transfer/moved_download.hpp"

using namespace kp2p;
using namespace kp2p::proto;
using namespace kp2p::test;

TEST_CASE("of those who are getting the file what the fewest have is asked for first") {
    constexpr ChunkIndex last = 19;
    std::set<ChunkIndex> of_all;
    for (std::uint64_t node = 1; node <= 8; ++node) {
        CAPTURE(node);
        Moved moved(20 * chunk_bytes);
        moved.download.set_own_node(node);
        moved.add(uploader, 100, std::nullopt);
        moved.give(uploader, last);
        moved.download.retire(uploader);
        ByteVector common(have_bytes(20)), rare;
        for (ChunkIndex index = 4; index < last; ++index)
            if (!moved.ever_asked.contains(index)) add_chunk(common, index);
        rare = common;
        add_chunk(common, 3);
        if (moved.ever_asked.contains(3)) continue;
        moved.add(2, 200, rare);
        REQUIRE(!moved.asked[2].empty());
        of_all.insert(*moved.asked[2].begin());
        moved.add(3, 300, common);
        CHECK(moved.asked[3].contains(3));
    }
    CHECK(of_all.size() > 2);
}
