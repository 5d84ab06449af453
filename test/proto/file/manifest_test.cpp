#include "proto/file/manifest.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "proto/file/links.hpp"
#include "test/proto/file/content.hpp"
#include "test/proto/file/sha1_collisions.hpp"
#include "test/vectors.hpp"

using namespace kp2p;
using namespace kp2p::proto;

TEST_CASE("the manifest of a file has the bytes that our Python package writes, too") {
    for (const auto row : test::vectors("file")["manifests"]) {
        const std::uint64_t size = row["size"].get_uint64();
        CAPTURE(size);
        const ByteVector bytes = test::content(size);
        ManifestHasher hasher(size);
        for (std::size_t at = 0; at < size; at += 3'000'000)
            hasher.update(ByteView(bytes).subspan(at, std::min<std::size_t>(3'000'000, size - at)));
        CHECK(hasher.fits());
        const ManifestHasher::Made made = hasher.finish(sha1_of(bytes));
        const std::string text = made.manifest.text();
        const std::string_view expected = row["json"].get_string();
        CHECK(text == expected);
        auto parsed = Manifest::parse(expected);
        REQUIRE(parsed);
        CHECK(*parsed == made.manifest);
    }
}

TEST_CASE("the lists that a manifest names have the SHA-1 of each piece") {
    const std::uint64_t size = 65 * chunk_bytes + 5;  // 4161 pieces, in two lists
    const ByteVector bytes = test::content(size);
    ManifestHasher hasher(size);
    hasher.update(bytes);
    const ManifestHasher::Made made = hasher.finish(sha1_of(bytes));
    REQUIRE(made.piece_lists.size() == 2);
    std::uint64_t at = 0;
    for (std::size_t i = 0; i < 2; ++i) {
        CHECK(sha1_of(made.piece_lists[i]) == made.manifest.piece_lists[i]);
        auto pieces = pieces_of(size, i, made.piece_lists[i]);
        REQUIRE(pieces);
        for (const ManifestChunk& piece : *pieces) {
            CHECK(piece.start_bytes == at);
            at = piece.end_bytes;
            const auto own = ByteView(bytes).subspan(piece.start_bytes, at - piece.start_bytes);
            if (piece.start_bytes % (97 * piece_bytes) == 0 || at == size)
                CHECK(sha1_of(own) == piece.sha1);
        }
    }
    CHECK(at == size);
    const ByteView list = made.piece_lists[1];
    CHECK(!pieces_of(size, 1, list.first(list.size() - 20)));
    CHECK(!pieces_of(size, 0, list));
    CHECK(!pieces_of(size, 2, ByteView()));
}

TEST_CASE("links and a manifest are the same when they are made together") {
    const std::uint64_t size = 3 * chunk_bytes + 12'345;
    const ByteVector bytes = test::content(size);
    for (const std::size_t step : {std::size_t{1} << 18, std::size_t{100'000}, bytes.size()})
        for (const bool known : {false, true}) {
            CAPTURE(step);
            CAPTURE(known);
            std::vector<std::uint32_t> masks;
            LinkHasher links, own_links;
            ManifestHasher manifest(size), own_manifest(size);
            for (std::size_t at = 0; at < size; at += step) {
                const ByteView part =
                    ByteView(bytes).subspan(at, std::min(step, bytes.size() - at));
                if (known) find_sha1_masks(part, masks);
                manifest.update_both(links, part, masks);
                own_links.update(part);
                own_manifest.update(part);
            }
            const Sha1 whole = links.finish();
            CHECK(whole == own_links.finish());
            CHECK(links.links() == own_links.links());
            const auto made = manifest.finish(whole), own_made = own_manifest.finish(whole);
            CHECK(made.manifest == own_made.manifest);
            CHECK(made.piece_lists == own_made.piece_lists);
        }
}

TEST_CASE("an attack in any piece is found, that the whole has none or not") {
    const test::Sha1Collision collision = test::sha1_collisions().front();
    for (const std::uint64_t piece : {0u, 1u, 2u, 3u, 4u})
        for (const std::size_t step : {5 * piece_bytes, 2 * piece_bytes, piece_bytes / 2}) {
            CAPTURE(piece);
            CAPTURE(step);
            ByteVector bytes = test::content(5 * piece_bytes);
            std::ranges::copy(collision.bytes, bytes.begin() + piece * piece_bytes);
            ManifestHasher manifest(bytes.size());
            for (std::size_t at = 0; at < bytes.size(); at += step)
                manifest.update(
                    ByteView(bytes).subspan(at, std::min<std::size_t>(step, bytes.size() - at)));
            CHECK(sha1_to_name(bytes).has_value() == (piece != 0));
            manifest.finish(sha1_of(bytes));
            CHECK(manifest.collided());
        }
}

TEST_CASE("a manifest's chunks grow with the file") {
    const struct {
        std::uint64_t size_bytes, chunk_bytes;
    } rows[] = {{0, 1 << 20},
                {200'000'000, 1 << 20},
                {2000ull << 20, 1 << 20},
                {(2000ull << 20) + 2000, 2 << 20},
                {10'000'000'000, 5 << 20},
                {38000ull << 20, 19 << 20},
                {40'000'000'000, 20'000'000},
                {1ull << 50, 20'000'000}};
    for (const auto& row : rows) {
        CAPTURE(row.size_bytes);
        CHECK(manifest_chunk_bytes(row.size_bytes) == row.chunk_bytes);
    }
}

TEST_CASE("a manifest of kachery_p2p is read") {
    for (const auto row : test::vectors("file")["manifests_of_kachery_p2p"]) {
        auto parsed = Manifest::parse(row["json"].get_string());
        REQUIRE(parsed);
        CHECK(parsed->size_bytes == std::uint64_t(row["size"].get_uint64()));
        CHECK(parsed->chunks.size() == 2);
        CHECK(parsed->piece_lists.empty());
        CHECK(parsed->text() == std::string_view(row["json"].get_string()));
    }
}

TEST_CASE("pieces of another kind than ours are not looked at") {
    const std::string h = "\"0123456789abcdef0123456789abcdef01234567\"";
    const auto with = [&](const std::string& pieces) {
        return "{\"size\":1,\"sha1\":" + h + ",\"chunks\":[{\"start\":0,\"end\":1,\"sha1\":" + h +
               "}],\"pieces\":" + pieces + "}";
    };
    auto ours = Manifest::parse(with("{\"size\":16384,\"lists\":[" + h + "]}"));
    REQUIRE(ours);
    CHECK(ours->piece_lists.size() == 1);
    for (const std::string& other :
         {std::string("1"), std::string("{}"), std::string("{\"size\":16384,\"lists\":[]}"),
          "{\"size\":1,\"lists\":[" + h + "]}", "{\"size\":16384,\"lists\":[" + h + "," + h + "]}",
          std::string("{\"size\":16384,\"lists\":[\"ab\"]}"),
          std::string("{\"size\":16384,\"lists\":[1]}")}) {
        CAPTURE(other);
        auto parsed = Manifest::parse(with(other));
        REQUIRE(parsed);
        CHECK(parsed->piece_lists.empty());
    }
}

TEST_CASE("a manifest of the older kachery package is read") {
    auto parsed = Manifest::parse(test::vectors("file")["manifest_of_kachery"].get_string());
    REQUIRE(parsed);
    CHECK(parsed->size_bytes == 20'000'001);
    REQUIRE(parsed->chunks.size() == 3);
    CHECK(parsed->chunks[1].start_bytes == 10'000'000);
    CHECK(parsed->chunks[2].end_bytes == 20'000'001);
}

TEST_CASE("every truncation of a manifest is refused") {
    const std::string_view json = test::vectors("file")["manifests"].at(0)["json"].get_string();
    for (std::size_t size = 0; size < json.size(); ++size) {
        CAPTURE(size);
        CHECK(!Manifest::parse(json.substr(0, size)));
    }
}

TEST_CASE("a hostile manifest is refused") {
    const std::string h = "\"0123456789abcdef0123456789abcdef01234567\"";
    const auto chunk = [&](const std::string& start, const std::string& end) {
        return "{\"start\":" + start + ",\"end\":" + end + ",\"sha1\":" + h + "}";
    };
    const auto manifest = [&](const std::string& size, const std::string& chunks) {
        return "{\"size\":" + size + ",\"sha1\":" + h + ",\"chunks\":[" + chunks + "]}";
    };
    REQUIRE(Manifest::parse(manifest("2", chunk("0", "1") + "," + chunk("1", "2"))));
    REQUIRE(Manifest::parse(manifest("0", "")));
    const struct {
        const char* name;
        std::string json;
        Errc error;
    } rows[] = {
        {"no JSON", "manifest", proto::Errc::bad_text},
        {"an array", "[]", proto::Errc::bad_text},
        {"no size", "{\"sha1\":" + h + ",\"chunks\":[]}", proto::Errc::bad_text},
        {"negative size", manifest("-1", ""), proto::Errc::bad_text},
        {"fractional size", manifest("1.5", ""), proto::Errc::bad_text},
        {"absurd size", manifest("18446744073709551615", ""), proto::Errc::bad_value},
        {"chunks that are too short", manifest("2", chunk("0", "1")), proto::Errc::bad_value},
        {"chunks that are too long", manifest("1", chunk("0", "2")), proto::Errc::bad_value},
        {"a gap", manifest("3", chunk("0", "1") + "," + chunk("2", "3")), proto::Errc::bad_value},
        {"an overlap", manifest("3", chunk("0", "2") + "," + chunk("1", "3")),
         proto::Errc::bad_value},
        {"an empty chunk", manifest("1", chunk("0", "0") + "," + chunk("0", "1")),
         proto::Errc::bad_value},
        {"a backward chunk", manifest("1", chunk("0", "-1")), proto::Errc::bad_text},
        {"a huge chunk", manifest("100000000", chunk("0", "100000000")), proto::Errc::too_long},
        {"a chunk that is no object", manifest("1", "1"), proto::Errc::bad_text},
        {"a short hash", "{\"size\":0,\"sha1\":\"ab\",\"chunks\":[]}", proto::Errc::bad_value},
        {"chunks that are no array", "{\"size\":0,\"sha1\":" + h + ",\"chunks\":{}}",
         proto::Errc::bad_text},
        {"too long", manifest("0", std::string(max_manifest_bytes, ' ')), proto::Errc::too_long},
        {"deep nesting", std::string(100000, '['), proto::Errc::bad_text},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        CHECK(Manifest::parse(row.json).error() == row.error);
    }
}
