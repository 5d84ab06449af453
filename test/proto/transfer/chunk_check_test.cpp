#include "proto/transfer/chunk_check.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "proto/file/links.hpp"
#include "proto/outcome.hpp"
#include "proto/transfer/block.hpp"
#include "proto/transfer/part_check.hpp"
#include "test/proto/file/random_bytes.hpp"
#include "test/proto/file/sha1_collisions.hpp"

using namespace kp2p;
using namespace kp2p::proto;

namespace {

// The chunk `index` of a file, as it comes in blocks that are not packed.
ChunkCheck chunk_of(ByteView file, ChunkIndex index, const Sha1Link& link) {
    ChunkCheck check{index, file.size(), link, {}};
    const ByteView bytes = file.subspan(index * chunk_bytes, chunk_size_bytes(file.size(), index));
    for (std::size_t at = 0; at < bytes.size(); at += 65536)
        check.blocks.push_back({{},
                                bytes.subspan(at, std::min<std::size_t>(65536, bytes.size() - at)),
                                BlockEncoding::plain});
    return check;
}

bool same(const Result<CheckedChunk>& a, const Result<CheckedChunk>& b) {
    if (!a || !b) return !a && !b && a.error() == b.error();
    const Payload all_a = in_one_piece(a->blocks), all_b = in_one_piece(b->blocks);
    return std::ranges::equal(ByteView(all_a), ByteView(all_b)) && a->next == b->next &&
           a->whole == b->whole;
}

}  // namespace

TEST_CASE("two chunks that are checked at once are what each is alone") {
    const ByteVector file = test::random_bytes(3 * chunk_bytes + 100);
    ByteVector attacked = file;
    const ByteVector attack = test::sha1_collisions().front().bytes;
    std::ranges::copy(attack, attacked.begin());
    LinkHasher hasher;
    hasher.update(file);
    const Sha1 sha1 = hasher.finish();
    std::vector<ChunkCheck> checks;
    for (ChunkIndex i = 0; i < 4; ++i) checks.push_back(chunk_of(file, i, hasher.links()[i]));
    checks.push_back(chunk_of(attacked, 0, first_link()));
    checks.push_back(checks[1]);
    checks.back().blocks.pop_back();
    checks.push_back(checks[3]);
    checks.back().blocks.clear();
    std::vector<Result<CheckedChunk>> alone;
    for (const ChunkCheck& check : checks) alone.push_back(run_check(check));
    CHECK(alone[1]->next == hasher.links()[2]);
    CHECK(alone[3]->whole == sha1);
    CHECK(alone[4].error() == kp2p::Errc::sha1_collision);
    CHECK(alone[5].error() == proto::Errc::truncated);
    CHECK(alone[6].error() == proto::Errc::truncated);
    for (std::size_t a = 0; a < checks.size(); ++a)
        for (std::size_t b = 0; b < checks.size(); ++b) {
            CAPTURE(a);
            CAPTURE(b);
            const auto both = run_checks(checks[a], checks[b]);
            CHECK(same(both[0], alone[a]));
            CHECK(same(both[1], alone[b]));
        }
}

TEST_CASE("what came plain is not copied, what was packed is unpacked, and outlives the check") {
    ByteVector file = test::random_bytes(3 * block_bytes);
    std::fill_n(file.begin() + block_bytes, block_bytes, std::uint8_t{7});
    auto check = std::make_optional(chunk_of(file, 0, first_link()));
    for (ReceivedBlock& block : check->blocks) {
        block.payload = ByteVector(block.bytes.begin(), block.bytes.end());
        block.bytes = block.payload;
    }
    const std::vector<Block> cut =
        cut_chunk({0, 0, first_link()}, ByteView(file).subspan(block_bytes, block_bytes));
    REQUIRE(!cut[0].frame.empty());
    check->blocks[1] = {cut[0].frame, {}, BlockEncoding::zstd};
    check->blocks[1].bytes = check->blocks[1].payload;
    const std::uint8_t* const first = check->blocks[0].bytes.data();
    const auto checked = run_check(*check);
    check.reset();
    REQUIRE(checked);
    CHECK(checked->whole == sha1_of(file));
    CHECK(checked->views()[0].data() == first);
    const Payload whole = in_one_piece(checked->blocks);
    CHECK(std::ranges::equal(ByteView(whole), file));
}

TEST_CASE("a part that an attack on SHA-1 has made is not right, and says so") {
    for (const test::Sha1Collision& collision : test::sha1_collisions()) {
        CAPTURE(collision.name);
        const auto size = collision.bytes.size();
        auto chunk = std::make_shared<const ChunkCheck>(chunk_of(collision.bytes, 0, first_link()));
        PartCheck check({0, size, collision.sha1}, {0, size}, {std::move(chunk)});
        while (check.step()) {
        }
        CHECK_FALSE(check.right());
        CHECK(check.collided());
    }
}
