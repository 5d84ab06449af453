#include "proto/file/manifest.hpp"

#include <doctest/doctest.h>

#include "test/proto/file/content.hpp"
#include "test/vectors.hpp"

using namespace kp2p;
using namespace kp2p::proto;

TEST_CASE("the manifest of a file has the bytes that kachery writes") {
    for (const auto row : test::vectors("file")["manifests"]) {
        const std::uint64_t size = row["size"].get_uint64();
        CAPTURE(size);
        const ByteVector bytes = test::content(size);
        ManifestHasher hasher;
        for (std::size_t at = 0; at < size; at += 3'000'000)
            hasher.update(ByteView(bytes).subspan(at, std::min<std::size_t>(3'000'000, size - at)));
        const Manifest manifest = hasher.finish(sha1_of(bytes));
        const std::string_view expected = row["json"].get_string();
        CHECK(manifest.text() == expected);
        CHECK(sha1_of(as_bytes(manifest.text())).hex() ==
              std::string_view(row["json_sha1"].get_string()));
        auto parsed = Manifest::parse(expected);
        REQUIRE(parsed);
        CHECK(*parsed == manifest);
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
        {"no JSON", "manifest", Errc::bad_text},
        {"an array", "[]", Errc::bad_text},
        {"no size", "{\"sha1\":" + h + ",\"chunks\":[]}", Errc::bad_text},
        {"negative size", manifest("-1", ""), Errc::bad_text},
        {"fractional size", manifest("1.5", ""), Errc::bad_text},
        {"absurd size", manifest("18446744073709551615", ""), Errc::bad_value},
        {"chunks that are too short", manifest("2", chunk("0", "1")), Errc::bad_value},
        {"chunks that are too long", manifest("1", chunk("0", "2")), Errc::bad_value},
        {"a gap", manifest("3", chunk("0", "1") + "," + chunk("2", "3")), Errc::bad_value},
        {"an overlap", manifest("3", chunk("0", "2") + "," + chunk("1", "3")), Errc::bad_value},
        {"an empty chunk", manifest("1", chunk("0", "0") + "," + chunk("0", "1")), Errc::bad_value},
        {"a backward chunk", manifest("1", chunk("0", "-1")), Errc::bad_text},
        {"a huge chunk", manifest("100000000", chunk("0", "100000000")), Errc::too_long},
        {"a chunk that is no object", manifest("1", "1"), Errc::bad_text},
        {"a short hash", "{\"size\":0,\"sha1\":\"ab\",\"chunks\":[]}", Errc::bad_value},
        {"chunks that are no array", "{\"size\":0,\"sha1\":" + h + ",\"chunks\":{}}",
         Errc::bad_text},
        {"too long", manifest("0", std::string(max_manifest_bytes, ' ')), Errc::too_long},
        {"deep nesting", std::string(100000, '['), Errc::bad_text},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        CHECK(Manifest::parse(row.json).error() == row.error);
    }
}
