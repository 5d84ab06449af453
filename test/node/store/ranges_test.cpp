#include "test/node/store/download.hpp"
#include "test/node/store/storage.hpp"

using namespace kp2p;
using namespace kp2p::test;

namespace {

Sha1 manifest_named(std::uint8_t number) {
    Sha1 sha1;
    sha1.mutable_view()[0] = number;
    return sha1;
}
const Sha1 m1 = manifest_named(1), m2 = manifest_named(2);

std::unique_ptr<Partial> open_for_ranges(const Download& f, std::uint64_t size_bytes) {
    auto partial = f.store.open_partial(f.sha1, size_bytes, Partial::Wanted::ranges);
    REQUIRE(partial);
    while (!(*partial)->ready()) REQUIRE((*partial)->prepare());
    return std::move(*partial);
}

ByteView part(const Download& f, std::uint64_t start, std::uint64_t end) {
    return ByteView(f.bytes).subspan(start, end - start);
}

}  // namespace

TEST_CASE("what ranges have brought is there for those who name the same manifest, also later") {
    const Download f(3 * mib + 9);
    for (const bool later : {false, true}) {
        CAPTURE(later);
        auto partial = later ? f.resume() : open_for_ranges(f, f.bytes.size());
        REQUIRE(partial);
        if (!later) {
            REQUIRE(partial->keep(m1, 16384, part(f, 16384, 32768)));
            REQUIRE(partial->keep(m1, mib - 5, part(f, mib - 5, mib + 5)));  // over a seam
            REQUIRE(partial->keep(m1, 3 * mib, part(f, 3 * mib, 3 * mib + 9)));
            CHECK(!partial->keep(m1, 3 * mib, part(f, 0, 10)));
            CHECK(!partial->keep(m1, 0, ByteView()));
        }
        CHECK(partial->size_bytes() == f.bytes.size());
        CHECK(!partial->proven());
        const Partial::Range here[] = {
            {16384, 32768}, {20000, 20001}, {mib - 5, mib + 5}, {3 * mib + 1, 3 * mib + 9}};
        for (const Partial::Range& range : here) {
            CAPTURE(range.start);
            CHECK(partial->holds(m1, range));
            auto kept = partial->kept(m1, range);
            REQUIRE(kept);
            CHECK(as_text(*kept) == as_text(part(f, range.start, range.end)));
            CHECK(!partial->holds(m2, range));
            CHECK(partial->kept(m2, range).error() == Errc::not_found);
        }
        CHECK(!partial->holds(m1, {16383, 32768}));
        CHECK(!partial->holds(m1, {16384, 32769}));
        CHECK(!partial->has(0));
    }
}

TEST_CASE("what is kept of a range never takes the place of a proven chunk") {
    const Download f(3 * mib);
    auto partial = f.open();
    REQUIRE(partial->write(f.chunks[1], f.chunk(1)));
    const ByteVector wrong(2 * mib, 0xee);
    REQUIRE(partial->keep(m1, mib / 2, ByteView(wrong).first(mib)));
    auto chunk = partial->read(1);
    REQUIRE(chunk);
    CHECK(as_text(chunk->bytes) == as_text(f.chunk(1)));
    CHECK(partial->holds(m1, {mib / 2, mib}));
    // A proven chunk is there whatever manifest one names, and takes the place of what was kept.
    CHECK(partial->holds(m2, {mib, 2 * mib}));
    for (std::uint64_t i : {0u, 2u}) REQUIRE(partial->write(f.chunks[i], f.chunk(i)));
    auto path = partial->commit();
    REQUIRE(path);
    REQUIRE(partial->keep(m1, 0, ByteView(wrong).first(100)));
    CHECK(read_file(*path) == as_text(f.bytes));
    auto kept = partial->kept(m2, {mib / 2, mib});
    REQUIRE(kept);
    CHECK(as_text(*kept) == as_text(part(f, mib / 2, mib)));
}

TEST_CASE("a kept range that the disk has lost is not there any more, and can be kept again") {
    const Download f(2 * mib);
    {
        auto partial = open_for_ranges(f, f.bytes.size());
        REQUIRE(partial->keep(m1, 0, part(f, 0, 16384)));
        REQUIRE(partial->keep(m1, 16384, part(f, 16384, 32768)));
    }
    auto data = File::open(f.data(), File::Mode::change);
    REQUIRE(data);
    REQUIRE(data->write_at(20000, as_bytes(std::string("rot"))));
    auto partial = f.resume();
    REQUIRE(partial);
    CHECK(partial->kept(m1, {0, 16384}));
    CHECK(partial->kept(m1, {0, 32768}).error() == Errc::not_found);
    CHECK(!partial->holds(m1, {16384, 32768}));
    REQUIRE(partial->keep(m1, 16384, part(f, 16384, 32768)));
    CHECK(partial->kept(m1, {0, 32768}));
}

TEST_CASE("a manifest that lies about the size costs nobody what is proven") {
    const Download f(3 * mib);
    { auto partial = open_for_ranges(f, 9 * mib); }
    {
        auto partial = f.open();  // of the proven size
        CHECK(partial->size_bytes() == 3 * mib);
        REQUIRE(partial->write(f.chunks[2], f.chunk(2)));
    }
    CHECK(f.store.open_partial(f.sha1, 9 * mib, Partial::Wanted::ranges).error() ==
          proto::Errc::bad_state);
    auto partial = f.resume();
    REQUIRE(partial);
    CHECK(partial->has(2));
}

TEST_CASE("a chunk can be put together from what ranges brought of it") {
    const Download f(2 * mib + 100);
    auto partial = open_for_ranges(f, f.bytes.size());
    CHECK(!partial->has_pieces_of(1));
    REQUIRE(partial->keep(m1, mib + 16384, part(f, mib + 16384, mib + 32768)));
    REQUIRE(partial->keep(m2, mib + 65536, part(f, mib + 65536, mib + 81920)));
    CHECK(partial->has_pieces_of(1));
    CHECK(!partial->has_pieces_of(0));
    const auto pieces = partial->pieces_of(1);
    REQUIRE(pieces.missing.size() == 3);
    CHECK(pieces.missing[0].start == mib);
    CHECK(pieces.missing[0].end == mib + 16384);
    CHECK(pieces.missing[1].end == mib + 65536);
    CHECK(pieces.missing[2].end == 2 * mib);
    CHECK(as_text(ByteView(pieces.bytes).subspan(16384, 16384)) ==
          as_text(part(f, mib + 16384, mib + 32768)));
    REQUIRE(partial->keep(m1, 2 * mib, part(f, 2 * mib, 2 * mib + 100)));
    CHECK(partial->pieces_of(2).missing.empty());
}
