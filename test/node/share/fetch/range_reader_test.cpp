#include <deque>

#include "proto/file/manifest.hpp"
#include "test/node/share/loading.hpp"
#include "test/node/share/provider.hpp"
#include "test/run.hpp"

using namespace kp2p;
using namespace kp2p::test;

namespace {

constexpr std::uint64_t piece = proto::piece_bytes;

// Of a file that is said to have these bytes; what it takes is in the storage of `holder`.
proto::Uri uri_of_pieces(const FakeNode& holder, const Sha1& file, ByteView bytes) {
    proto::ManifestHasher hasher(bytes.size());
    hasher.update(bytes);
    const auto made = hasher.finish(file);
    for (const ByteVector& list : made.piece_lists) REQUIRE(holder.store.put_bytes(list));
    auto stored = holder.store.put_bytes(as_bytes(made.manifest.text()));
    REQUIRE(stored);
    proto::Uri uri = uri_of(file);
    uri.manifest = *stored;
    return uri;
}

struct Read {
    std::vector<ByteRange> ranges;
    ByteVector bytes = {};
    Result<void> ended = Errc::canceled;
    Diagnosis diagnosis = {};
};

Task<> read(FakeNode& node, proto::Uri uri, Read& read) {
    ByteSink sink = [&read](ByteView part) -> Task<Result<void>> {
        read.bytes.insert(read.bytes.end(), part.begin(), part.end());
        co_return ok;
    };
    auto ended = co_await node.share.cat(uri, read.ranges, sink, read.diagnosis);
    read.ended = ended;
}

ByteVector joined(const ByteVector& bytes, const std::vector<ByteRange>& ranges) {
    ByteVector all;
    for (const ByteRange& range : ranges) {
        const std::uint64_t end = std::min<std::uint64_t>(*range.end, bytes.size());
        const std::uint64_t start = std::min(range.start, end);
        all.insert(all.end(), bytes.begin() + static_cast<std::ptrdiff_t>(start),
                   bytes.begin() + static_cast<std::ptrdiff_t>(end));
    }
    return all;
}

std::uint64_t given_bytes(const LiarPeer& peer) {
    return peer.given_chunks() * mib + peer.given_slice_bytes();
}

Task<> costs(FakeNetwork& network) {
    auto nodes = co_await members(network, 2);
    const ByteVector bytes = noise(9 * mib + 5);
    Provider provider(network, bytes);
    const Sha1 file = provider.peer.file();
    // The lists of pieces come from another node.
    const proto::Uri uri = uri_of_pieces(*nodes[1], file, bytes);
    const struct {
        const char* name;
        std::vector<ByteRange> ranges;
        std::uint64_t most_bytes;
    } rows[] = {
        {"a few bytes", {{5 * mib + 7, 5 * mib + 9}}, piece},
        {"many, in any order", {{7 * mib, 7 * mib + 9}, {3, 9}, {piece - 1, piece + 1}}, 3 * piece},
        {"a whole chunk and a little around", {{mib - 1, 2 * mib + 1}}, mib + 2 * piece},
        {"the end and behind it", {{9 * mib, 99 * mib}, {10 * mib, 11 * mib}}, mib},
        {"nothing", {{4, 4}}, 0},
    };
    for (const auto& row : rows) {
        CAPTURE(std::string(row.name));
        for (const bool again : {false, true}) {
            CAPTURE(again);
            const std::uint64_t before = given_bytes(provider.peer);
            Read one{row.ranges};
            co_await read(*nodes[0], uri, one);
            CAPTURE(one.diagnosis.text());
            CHECK(one.ended);
            CHECK(one.bytes == joined(bytes, row.ranges));
            CHECK(given_bytes(provider.peer) - before <= (again ? 0 : row.most_bytes));
        }
    }
    CHECK(!nodes[0]->store.find(file));
    // The last chunk, which proves the size, comes whole.
    const std::uint64_t before = given_bytes(provider.peer);
    CHECK(before > mib);
    Outcome loaded;
    co_await load(*nodes[0], file, loaded);
    REQUIRE(loaded.path);
    CHECK(content(*loaded.path) == bytes);
    CHECK(given_bytes(provider.peer) <=
          bytes.size() + 2 * mib);  // the last counts as one each time
}

Task<> no_slices(FakeNetwork& network) {
    auto nodes = co_await members(network, 1);
    const ByteVector bytes = noise(5 * mib);
    Provider provider(network, bytes);
    provider.peer.gives_slices = false;
    const proto::Uri uri = uri_of_pieces(*nodes[0], provider.peer.file(), bytes);
    for (const std::uint64_t most_chunks : {2u, 0u}) {
        const std::uint64_t before = provider.peer.given_chunks();
        Read one{{{mib - 5, mib + 5}}};
        co_await read(*nodes[0], uri, one);
        CHECK(one.ended);
        CHECK(std::ranges::equal(one.bytes, ByteView(bytes).subspan(mib - 5, 10)));
        CHECK(provider.peer.given_chunks() - before <= most_chunks);
    }
}

Task<> ranges_of_liars(FakeNetwork& network) {
    auto nodes = co_await members(network, 1);
    const ByteVector bytes = noise(5 * mib);
    const Provider liar(network, bytes, LiarLie::byte, 2);
    const Sha1 file = liar.peer.file();
    const proto::Uri uri = uri_of_pieces(*nodes[0], file, bytes);
    Read alone{{{2 * mib + 5, 2 * mib + 9}}};
    co_await read(*nodes[0], uri, alone);
    CAPTURE(alone.diagnosis.text());
    CHECK(alone.ended.error() == Errc::verification_failed);
    CHECK(alone.bytes.empty());
    const std::string words = liar.id.hex() + " sent wrong bytes 2097152 to 2113536";
    CHECK(alone.diagnosis.text().find(words) != std::string::npos);
    CHECK(logged(*nodes[0], liar.id));
    CHECK(nodes[0]->store.partial_usage().files == 0);

    const Provider honest(network, bytes);
    Read beside{{{2 * mib + 5, 2 * mib + 9}}};
    co_await read(*nodes[0], uri, beside);
    CHECK(beside.ended);
    CHECK(std::ranges::equal(beside.bytes, ByteView(bytes).subspan(2 * mib + 5, 4)));
}

// One who makes a manifest of other bytes can have them kept, for those who name it. It harms no
// download, and no honest node is blamed.
Task<> false_manifest(FakeNetwork& network) {
    auto nodes = co_await members(network, 1);
    const ByteVector bytes = noise(5 * mib);
    ByteVector wrong = bytes;
    wrong[2 * mib] ^= 1;
    const proto::Uri uri = uri_of_pieces(*nodes[0], proto::sha1_of(bytes), wrong);
    Provider liar(network, bytes, LiarLie::byte, 2);
    Read fooled{{{2 * mib, 2 * mib + 9}}};
    co_await read(*nodes[0], uri, fooled);
    CHECK(fooled.ended);
    CHECK(fooled.bytes[0] == wrong[2 * mib]);
    liar.peer.be(LiarLie::none);
    Outcome loaded;
    co_await load(*nodes[0], proto::sha1_of(bytes), loaded);
    CAPTURE(loaded.diagnosis.text());
    REQUIRE(loaded.path);
    CHECK(content(*loaded.path) == bytes);
    CHECK(!logged(*nodes[0], liar.id));
}

// Readers of ranges and a load of the same file, all at once.
Task<> together(FakeNetwork& network) {
    auto nodes = co_await members(network, 1);
    const ByteVector bytes = noise(12 * mib + 9);
    Provider provider(network, bytes);
    const proto::Uri uri = uri_of_pieces(*nodes[0], provider.peer.file(), bytes);
    std::deque<Read> reads;
    Outcome loaded;
    auto body = [&](Tasks& all) -> Task<> {
        for (std::uint64_t i = 0; i < 6; ++i) {
            reads.push_back(
                {{{i * 2 * mib + i * piece, i * 2 * mib + (i + 9) * piece}, {mib, 2 * mib + i}}});
            all.spawn(read(*nodes[0], uri, reads.back()));
            if (i == 2) all.spawn(load(*nodes[0], provider.peer.file(), loaded));
        }
        co_return;
    };
    auto ended = co_await with_tasks(body);
    CHECK(ended);
    for (std::uint64_t i = 0; i < 6; ++i) {
        CAPTURE(i);
        CHECK(reads[i].ended);
        const std::uint64_t start = i * 2 * mib;
        const std::vector<ByteRange> asked{{start + i * piece, start + (i + 9) * piece},
                                           {mib, 2 * mib + i}};
        CHECK(reads[i].bytes == joined(bytes, asked));
    }
    REQUIRE(loaded.path);
    CHECK(content(*loaded.path) == bytes);
}

}  // namespace

TEST_CASE("a range costs the pieces that it lies in, once, and a load uses them") {
    test::in_network(costs);
}
TEST_CASE("of a node that gives no slices whole chunks are taken, and kept") {
    test::in_network(no_slices);
}
TEST_CASE("who gives a wrong piece of a range is named, and nothing of it is kept") {
    test::in_network(ranges_of_liars);
}
TEST_CASE("what a false manifest had kept harms no download") { test::in_network(false_manifest); }
TEST_CASE("readers of ranges and a load of one file do each other no harm") {
    test::in_network(together);
}
