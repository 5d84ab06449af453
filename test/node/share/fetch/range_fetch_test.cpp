#include <deque>

#include "proto/file/manifest.hpp"
#include "test/node/share/loading.hpp"
#include "test/node/share/provider.hpp"
#include "test/run.hpp"

using namespace kp2p;
using namespace kp2p::test;

namespace {

constexpr std::uint64_t part_bytes = 3'000'000;

proto::Manifest manifest_of(ByteView bytes, std::uint64_t step_bytes = part_bytes) {
    proto::Manifest manifest;
    manifest.size_bytes = bytes.size();
    manifest.sha1 = proto::sha1_of(bytes);
    for (std::uint64_t at = 0; at < bytes.size(); at += step_bytes) {
        const std::uint64_t end = std::min<std::uint64_t>(at + step_bytes, bytes.size());
        manifest.chunks.push_back({at, end, proto::sha1_of(bytes.subspan(at, end - at))});
    }
    return manifest;
}

// Of a file whose manifest, true or not, `holder` has.
proto::Uri uri_with(const FakeNode& holder, const Sha1& file, const std::string& manifest) {
    proto::Uri uri = uri_of(file);
    auto stored = holder.store.put_bytes(as_bytes(manifest));
    REQUIRE(stored);
    uri.manifest = *stored;
    return uri;
}

ByteVector slice(const ByteVector& bytes, ByteRange range) {
    const std::uint64_t size = bytes.size(), start = std::min(range.start, size);
    const ByteView part = ByteView(bytes).subspan(start, std::min(*range.end, size) - start);
    return {part.begin(), part.end()};
}

Task<> early(FakeNetwork& network) {
    auto nodes = co_await members(network, 1);
    const ByteVector bytes = noise(16 * mib + 5);
    Provider provider(network, bytes);
    const Sha1 file = provider.peer.file();
    const proto::Uri uri = uri_with(*nodes[0], file, manifest_of(bytes).text());
    Got got;
    co_await cat(*nodes[0], uri, got, ByteRange(), &provider.peer);
    CAPTURE(got.diagnosis.text());
    CHECK(got.ended);
    CHECK(got.bytes == bytes);
    CHECK(got.given_at_first <= 12);
    CHECK(!nodes[0]->store.find(file));
}

struct RangeRow {
    const char* name;
    std::uint64_t start, end, most_chunks;
};

Task<> ranges(FakeNetwork& network) {
    auto nodes = co_await members(network, 1);
    const ByteVector bytes = noise(5 * part_bytes + 5);
    Provider provider(network, bytes);
    const Sha1 file = provider.peer.file();
    const proto::Uri uri = uri_with(*nodes[0], file, manifest_of(bytes).text());
    const RangeRow rows[] = {
        {"a few bytes", 10'000'000, 10'000'100, 4},
        {"over a seam", part_bytes - 1, part_bytes + 1, 7},
        {"one whole part", part_bytes, 2 * part_bytes, 4},
        {"the last bytes", 5 * part_bytes + 1, 99 * part_bytes, 1},
        {"nothing", 5, 5, 0},
        {"behind the end", 20 * part_bytes, 21 * part_bytes, 0},
    };
    for (const RangeRow& row : rows) {
        CAPTURE(std::string(row.name));
        const std::uint64_t before = provider.peer.given_chunks();
        const ByteRange range{row.start, row.end};
        Got got;
        co_await cat(*nodes[0], uri, got, range);
        CHECK(got.ended);
        if (row.start < bytes.size()) CHECK(got.bytes == slice(bytes, range));
        if (row.start >= bytes.size()) CHECK(got.bytes.empty());
        CHECK(provider.peer.given_chunks() - before <= row.most_chunks);
    }
}

struct PartLieRow {
    LiarLie lie;
    std::uint64_t at;
    std::uint64_t right_bytes;  // that come before the lie
    const char* words;
};

Task<> lying_providers(FakeNetwork& network) {
    auto nodes = co_await members(network, 1);
    const PartLieRow rows[] = {
        {LiarLie::byte, 0, 0, "sent wrong bytes 0 to 3000000"},
        {LiarLie::byte, 4, part_bytes, "sent wrong bytes 3000000 to 6000000"},
        {LiarLie::size, 0, 0, "claims another size"},
        {LiarLie::garbage, 0, 0, "sent messages that make no sense"},
    };
    std::deque<Provider> providers;
    std::uint32_t seed = 20;
    for (const PartLieRow& row : rows) {
        CAPTURE(std::string(row.words));
        const ByteVector bytes = noise(6 * mib, ++seed);
        const Provider& liar = providers.emplace_back(network, bytes, row.lie, row.at);
        const Sha1 file = liar.peer.file();
        const proto::Uri uri = uri_with(*nodes[0], file, manifest_of(bytes).text());
        Got alone;
        co_await cat(*nodes[0], uri, alone);
        CAPTURE(alone.diagnosis.text());
        CHECK(alone.ended.error() == Errc::verification_failed);
        CHECK(alone.bytes == slice(bytes, ByteRange{0, row.right_bytes}));
        CHECK(alone.diagnosis.text().find(liar.id.hex() + " " + row.words) != std::string::npos);
        CHECK(logged(*nodes[0], liar.id));

        const Provider& provider = providers.emplace_back(network, bytes);
        Got beside;
        co_await cat(*nodes[0], uri, beside, ByteRange(), &provider.peer);
        CAPTURE(beside.diagnosis.text());
        CHECK(beside.ended);
        CHECK(beside.bytes == bytes);
        CHECK(provider.peer.given_chunks() > 0);
    }
}

Task<> useless_manifests(FakeNetwork& network) {
    auto nodes = co_await members(network, 2);
    const std::string others = manifest_of(noise(10)).text();
    const std::string rows[] = {"", "{}", others};
    std::uint32_t seed = 30;
    for (const std::string& row : rows) {
        CAPTURE(row);
        const ByteVector bytes = noise(mib + 9, ++seed);
        auto stored = nodes[0]->store.put_bytes(bytes);
        REQUIRE(stored);
        proto::Uri uri = uri_with(*nodes[0], *stored, row);
        if (row.empty()) uri.manifest = proto::sha1_of(as_bytes(std::string("nobody has this")));
        Got got;
        co_await cat(*nodes[1], uri, got);
        CHECK(got.ended);
        CHECK(got.bytes == bytes);
        CHECK(nodes[1]->store.find(*stored));
    }
}

Task<> tiny_parts(FakeNetwork& network) {
    auto nodes = co_await members(network, 3);
    const ByteVector bytes = noise(2 * mib + 9);
    for (std::size_t i : {0u, 1u}) {
        auto stored = nodes[i]->store.put_bytes(bytes);
        REQUIRE(stored);
    }
    const proto::Manifest manifest = manifest_of(bytes, 10'007);
    const proto::Uri uri = uri_with(*nodes[0], manifest.sha1, manifest.text());
    Got got;
    co_await cat(*nodes[2], uri, got);
    CHECK(got.ended);
    CHECK(got.bytes == bytes);
    CHECK(!nodes[2]->store.find(manifest.sha1));
}

}  // namespace

TEST_CASE("with a manifest the first bytes come before the last are fetched") {
    test::in_network(early);
}
TEST_CASE("with a manifest a range fetches only what it needs") { test::in_network(ranges); }
TEST_CASE("a stream never gives a liar's bytes, names it, and goes on beside an honest node") {
    test::in_network(lying_providers);
}
TEST_CASE("without a manifest that is of use the file is loaded") {
    test::in_network(useless_manifests);
}
TEST_CASE("parts that are smaller than a chunk are streamed, too") { test::in_network(tiny_parts); }
