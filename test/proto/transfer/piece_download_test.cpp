#include "proto/transfer/piece_download.hpp"

#include <doctest/doctest.h>

#include "proto/file/links.hpp"
#include "test/proto/file/sha1_collisions.hpp"
#include "test/proto/transfer/sim_providers.hpp"

using namespace kp2p;
using namespace kp2p::proto;
using namespace kp2p::test;
using namespace std::chrono_literals;

namespace {

const SimFile& pieces_file() {
    static const SimFile file(3 * chunk_bytes + 100, 5);
    return file;
}

struct PieceScript {
    PieceDownload::Time now{};
    PieceDownload download;
    std::vector<PieceDownload::AskSlice> asked;
    std::vector<PieceDownload::DropNode> dropped;
    std::vector<SourceKey> stalled;
    ByteVector read;

    explicit PieceScript(std::vector<std::uint64_t> starts)
        : download(pieces_file().bytes.size(), pieces(starts)) {}

    static std::vector<ManifestChunk> pieces(const std::vector<std::uint64_t>& starts) {
        std::vector<ManifestChunk> all;
        const ByteView file = pieces_file().bytes;
        for (std::uint64_t start : starts) {
            const std::uint64_t end = std::min<std::uint64_t>(start + piece_bytes, file.size());
            all.push_back({start, end, sha1_of(file.subspan(start, end - start))});
        }
        return all;
    }
    static NodeId node(SourceKey key) {
        NodeId id;
        id.mutable_view()[0] = static_cast<std::uint8_t>(key);
        return id;
    }
    void add(SourceKey key, std::optional<ByteVector> have = {}, bool slices = true) {
        download.add_source(now, key, node(key), {pieces_file().bytes.size(), have, slices});
        drain();
    }
    void give(const PieceDownload::AskSlice& ask, bool right = true) {
        const ByteView own = ByteView(pieces_file().bytes).subspan(ask.offset, ask.length);
        ByteVector bytes(own.begin(), own.end());
        if (!right) bytes[7] ^= 1;
        Slice slice;
        slice.offset = ask.offset;
        slice.bytes = bytes;
        download.receive(now, ask.source, slice);
        drain();
    }
    void drain() {
        for (const auto& event : download.take_events()) {
            if (const auto* ask = std::get_if<PieceDownload::AskSlice>(&event))
                asked.push_back(*ask);
            if (const auto* drop = std::get_if<PieceDownload::DropNode>(&event))
                dropped.push_back(*drop);
            if (const auto* stall = std::get_if<PieceDownload::SourceStalled>(&event))
                stalled.push_back(stall->source);
        }
        while (const auto bytes = download.next_bytes()) {
            read.insert(read.end(), bytes->begin(), bytes->end());
            download.taken(now);
        }
    }
};

constexpr std::uint64_t kib16 = piece_bytes;

}  // namespace

TEST_CASE("pieces come in the order in which they were named, whatever order they are given in") {
    const std::vector<std::uint64_t> starts{5 * kib16, 3 * chunk_bytes, 0, 64 * kib16};
    PieceScript script(starts);
    CHECK(script.download.position() == 5 * kib16);
    script.add(1);
    REQUIRE(script.asked.size() == 4);
    for (std::size_t i : {2u, 3u, 0u, 1u}) script.give(script.asked[i]);
    CHECK(script.download.complete());
    ByteVector expected;
    for (const ManifestChunk& piece : PieceScript::pieces(starts)) {
        const ByteView own = ByteView(pieces_file().bytes)
                                 .subspan(piece.start_bytes, piece.end_bytes - piece.start_bytes);
        expected.insert(expected.end(), own.begin(), own.end());
    }
    CHECK(script.read == expected);
    CHECK(script.dropped.empty());
}

TEST_CASE("all who have a piece get something to do, and nobody is asked for what he lacks") {
    PieceScript script({0, kib16, 2 * kib16, chunk_bytes, chunk_bytes + kib16});
    script.add(1, ByteVector{0x01});  // the first chunk alone
    script.add(2);
    std::map<SourceKey, int> asked;
    for (const auto& ask : script.asked) {
        ++asked[ask.source];
        if (ask.source == 1) CHECK(ask.offset < chunk_bytes);
    }
    CHECK(asked[1] == 3);
    CHECK(asked[2] == 2);
    PieceScript old({0});
    old.add(1, {}, false);  // gives no slices
    CHECK(old.asked.empty());
    CHECK(!old.download.front_expected());
}

TEST_CASE("who gives a wrong piece, or another one, is named, and an honest one goes on") {
    for (const bool wrong : {false, true}) {
        CAPTURE(wrong);
        PieceScript script({0, kib16, 2 * kib16});
        script.add(1);
        script.give(script.asked[0]);
        if (wrong)
            script.give(script.asked[1], false);
        else
            script.give({1, 9 * kib16, kib16});
        REQUIRE(script.dropped.size() == 1);
        CHECK(script.dropped[0].node == PieceScript::node(1));
        CHECK(script.dropped[0].fault == (wrong ? Fault::wrong_chunk : Fault::bad_message));
        CHECK(script.read.size() == kib16);
        script.add(1);  // which is of no use
        CHECK(script.asked.size() == 3);
        script.add(2);
        REQUIRE(script.asked.size() == 5);
        for (std::size_t i : {3u, 4u}) script.give(script.asked[i]);
        CHECK(script.download.complete());
        CHECK(std::ranges::equal(script.read, ByteView(pieces_file().bytes).first(3 * kib16)));
    }
}

TEST_CASE("who gives a piece that an attack on SHA-1 has made is named for that") {
    PieceScript script({0});
    script.add(1);
    REQUIRE(script.asked.size() == 1);
    ByteVector bytes = sha1_collisions().front().bytes;
    bytes.resize(piece_bytes);
    Slice slice;
    slice.bytes = bytes;
    script.download.receive(script.now, 1, slice);
    script.drain();
    REQUIRE(script.dropped.size() == 1);
    CHECK(script.dropped[0].fault == Fault::collision);
}

TEST_CASE("a piece that is late is asked of a second node, and one that is silent is let go of") {
    PieceScript script({0});
    script.add(1);
    script.add(2);
    REQUIRE(script.asked.size() == 1);
    script.now += PieceDownload::late_span;
    REQUIRE(script.download.deadline());
    CHECK(*script.download.deadline() <= script.now);
    script.download.expire(script.now);
    script.drain();
    REQUIRE(script.asked.size() == 2);
    CHECK(script.asked[1].source != script.asked[0].source);
    script.now += Source::stall_span;
    script.download.expire(script.now);
    script.drain();
    CHECK(script.stalled.size() == 2);
    CHECK(script.dropped.empty());
    script.add(3);
    REQUIRE(script.asked.size() == 3);
    script.give(script.asked[2]);
    CHECK(script.download.complete());
}

TEST_CASE("what a source owes is shared out among the others when it is gone") {
    std::vector<std::uint64_t> starts;
    for (std::uint64_t i = 0; i < 10; ++i) starts.push_back(i * kib16);
    PieceScript script(starts);
    for (SourceKey key : {1u, 2u, 3u}) script.add(key);
    REQUIRE(script.asked.size() == 10);
    CHECK(script.download.owes(1));
    script.download.remove_source(script.now, 1);
    script.drain();
    REQUIRE(script.asked.size() == 20);
    std::map<SourceKey, int> asked;
    for (std::size_t i = 10; i < 20; ++i) {
        ++asked[script.asked[i].source];
        script.give(script.asked[i]);
    }
    CHECK(asked[2] == 5);
    CHECK(asked[3] == 5);
    CHECK(script.download.complete());
    script.download.remove_source(script.now, 2);
    CHECK(script.asked.size() == 20);
}
