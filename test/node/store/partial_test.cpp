#include "node/store/partial.hpp"

#include <atomic>
#include <thread>

#include "test/node/store/download.hpp"
#include "test/node/store/storage.hpp"

using namespace kp2p;
using namespace kp2p::test;

TEST_CASE("chunks written in any order make the file appear under its hash") {
    for (const std::size_t size : {std::size_t{0}, std::size_t{1}, mib, mib + 1, 7 * mib + 9}) {
        CAPTURE(size);
        const Download f(size);
        auto partial = f.open();
        const std::size_t count = f.chunks.size();
        for (std::size_t i = 0; i < count; ++i) {
            const std::size_t index = (i * 3 + count - 1) % count;
            CHECK(!partial->complete());
            CHECK(partial->commit().error() == proto::Errc::bad_state);
            REQUIRE(partial->write(f.chunks[index], f.chunk(index)));
        }
        CHECK(partial->complete());
        auto path = partial->commit();
        REQUIRE(path);
        CHECK(*path == f.layout.content(f.sha1));
        CHECK(read_file(*path) == as_text(f.bytes));
        CHECK(files_below(f.layout.partials()).empty());
        CHECK((*f.store.open_chunks(f.sha1))->ready() == (count > 1));
    }
}

TEST_CASE("what was written can be read with its link, and nothing else") {
    const Download f(4 * mib);
    auto partial = f.open();
    REQUIRE(partial->write(f.chunks[2], f.chunk(2)));
    CHECK(partial->has(2));
    CHECK(!partial->has(1));
    auto chunk = partial->read(2);
    REQUIRE(chunk);
    CHECK(chunk->link == f.chunks[2].link);
    CHECK(as_text(chunk->bytes) == as_text(f.chunk(2)));
    CHECK(partial->read(1).error() == Errc::not_found);
    CHECK(partial->read(4).error() == Errc::not_found);
    CHECK(partial->write(f.chunks[1], f.chunk(1).first(5)).error() == proto::Errc::bad_value);
    proto::StoredChunk beyond = f.chunks[1];
    beyond.index = 4;
    CHECK(partial->write(beyond, f.chunk(1)).error() == proto::Errc::bad_value);
}

TEST_CASE("that nobody has begun a download is known without a look, for a moment") {
    const Download f(2 * mib);
    while (f.store.may_resume(f.sha1)) CHECK(!f.resume());
    CHECK(!f.store.may_resume(f.sha1));
    (void)f.open();
    CHECK(f.store.may_resume(f.sha1));
    CHECK(f.resume());
}

TEST_CASE("a download that another process has begun is found") {
    const Download f(2 * mib);
    CHECK(!f.resume());
    const Store other = *Store::open(f.directory.path());
    {
        auto partial = other.open_partial(f.sha1, f.bytes.size());
        REQUIRE((*partial)->write(f.chunks[1], f.chunk(1)));
    }
    const auto partial = f.resume();
    REQUIRE(partial);
    CHECK(partial->has(1));
}

TEST_CASE("a download goes on from what an earlier run has kept") {
    const Download f(5 * mib + 1);
    CHECK(!f.resume());
    {
        auto partial = f.open();
        for (const std::size_t i : {5u, 4u, 1u}) REQUIRE(partial->write(f.chunks[i], f.chunk(i)));
    }
    auto partial = f.resume();
    REQUIRE(partial);
    CHECK(partial->size_bytes() == f.bytes.size());
    CHECK(partial->stored() == std::vector{f.chunks[1], f.chunks[4], f.chunks[5]});
    for (const std::size_t i : {0u, 2u, 3u}) REQUIRE(partial->write(f.chunks[i], f.chunk(i)));
    CHECK(partial->commit());
}

namespace {

class UnnamingDisk final : public UsersDisk {
    int rename_new(const Path&, const Path&) override {
        errno = EIO;
        return -1;
    }
};

}  // namespace

TEST_CASE("a whole download that could not get its name keeps what it has") {
    const Download f(2 * mib);
    {
        auto partial = f.open();
        for (std::size_t i = 0; i < 2; ++i) REQUIRE(partial->write(f.chunks[i], f.chunk(i)));
        UnnamingDisk unnaming;
        const DiskInstead instead(unnaming);
        CHECK(!partial->commit());
    }
    UsersDisk users;
    const DiskInstead instead(users);
    auto partial = f.resume();
    REQUIRE(partial);
    REQUIRE(partial->complete());
    const auto path = partial->commit();
    REQUIRE(path);
    constexpr std::filesystem::perms writing{0222}, none{};
    CHECK((std::filesystem::status(*path).permissions() & writing) == none);
}

TEST_CASE("a chunk whose bytes were lost or altered is not resumed, the others are") {
    const Download f(3 * mib);
    {
        auto partial = f.open();
        for (const std::size_t i : {0u, 1u, 2u}) REQUIRE(partial->write(f.chunks[i], f.chunk(i)));
    }
    {
        std::fstream data(f.data(), std::ios::in | std::ios::out | std::ios::binary);
        data.seekp(static_cast<std::streamoff>(mib + 77));
        data.put('\x55');
    }
    {
        auto partial = f.resume();
        REQUIRE(partial);
        CHECK(partial->stored() == std::vector{f.chunks[0], f.chunks[2]});
        REQUIRE(partial->write(f.chunks[1], f.chunk(1)));
    }
    auto partial = f.resume();  // the newer record of chunk 1 counts
    CHECK(partial->stored().size() == 3);
    CHECK(partial->commit());
}

TEST_CASE("a journal torn at any byte gives what was complete before, and goes on") {
    const Download f(3 * mib);
    {
        auto partial = f.open();
        for (const std::size_t i : {2u, 1u}) REQUIRE(partial->write(f.chunks[i], f.chunk(i)));
    }
    const std::string whole = read_file(f.journal());
    const std::size_t record_bytes = 64, head_bytes = whole.size() - 2 * record_bytes;
    for (std::size_t size = 0; size <= whole.size(); size += 4) {
        CAPTURE(size);
        write_file(f.journal(), whole.substr(0, size));
        auto partial = f.resume();
        CHECK((partial != nullptr) == (size >= head_bytes));
        if (!partial) continue;
        CHECK(partial->stored().size() == (size - head_bytes) / record_bytes);
        REQUIRE(partial->write(f.chunks[0], f.chunk(0)));
        partial.reset();
        CHECK(f.resume()->stored().size() == (size - head_bytes) / record_bytes + 1);
    }
}

TEST_CASE("a journal altered at any byte never gives a wrong chunk") {
    const Download f(2 * mib);
    {
        auto partial = f.open();
        for (const std::size_t i : {1u, 0u}) REQUIRE(partial->write(f.chunks[i], f.chunk(i)));
    }
    const std::string whole = read_file(f.journal());
    for (std::size_t at = 0; at < whole.size(); at += 3) {
        CAPTURE(at);
        std::string bad = whole;
        bad[at] = static_cast<char>(bad[at] ^ 0x10);
        write_file(f.journal(), bad);
        auto partial = f.resume();
        if (!partial) continue;
        CHECK(partial->stored().size() < 2);
        for (const proto::StoredChunk& chunk : partial->stored())
            CHECK(chunk == f.chunks[chunk.index]);
    }
}

TEST_CASE("chunks that do not chain to the hash are never committed") {
    const Download f(3 * mib);
    auto partial = f.open();
    SUBCASE("a wrong link") {
        proto::StoredChunk wrong = f.chunks[1];
        wrong.link.data()[0] ^= 1;
        REQUIRE(partial->write(f.chunks[0], f.chunk(0)));
        REQUIRE(partial->write(wrong, f.chunk(1)));
        REQUIRE(partial->write(f.chunks[2], f.chunk(2)));
    }
    SUBCASE("a wrong last chunk") {
        ByteVector wrong(f.chunk(2).begin(), f.chunk(2).end());
        wrong[0] ^= 1;
        REQUIRE(partial->write(f.chunks[0], f.chunk(0)));
        REQUIRE(partial->write(f.chunks[1], f.chunk(1)));
        REQUIRE(partial->write(f.chunks[2], wrong));
    }
    CHECK(partial->commit().error() == proto::Errc::wrong_hash);
    CHECK(!f.store.find(f.sha1));
}

TEST_CASE("two downloads of one file do not meet") {
    const Download f(2 * mib);
    auto first = f.open();
    auto second = f.open();
    REQUIRE(first->write(f.chunks[0], f.chunk(0)));
    CHECK(!second->has(0));
    CHECK(!f.resume());  // both are taken
    REQUIRE(second->write(f.chunks[0], f.chunk(0)));
    REQUIRE(second->write(f.chunks[1], f.chunk(1)));
    CHECK(second->commit());
    REQUIRE(first->write(f.chunks[1], f.chunk(1)));
    CHECK(first->commit());
    CHECK(read_file(f.layout.content(f.sha1)) == as_text(f.bytes));
    CHECK(files_below(f.layout.partials()).empty());

    std::vector<std::unique_ptr<Partial>> all;
    for (int i = 0; i < Partial::max_at_once; ++i) all.push_back(f.open());
    CHECK(f.store.open_partial(f.sha1, f.bytes.size()).error() == Errc::limit_reached);
}

TEST_CASE("discarding leaves nothing, and another size starts anew") {
    const Download f(2 * mib);
    {
        auto partial = f.open();
        REQUIRE(partial->write(f.chunks[0], f.chunk(0)));
    }
    {
        auto other = f.store.open_partial(f.sha1, mib);
        REQUIRE(other);
        CHECK((*other)->stored().empty());
        (*other)->discard();
    }
    CHECK(files_below(f.layout.partials()).empty());
}

TEST_CASE("opening the storage removes what killed processes left, and nothing else") {
    const Download f(2 * mib), other(3 * mib);
    const auto write_one = [&](const Download& which) {
        auto partial = f.store.open_partial(which.sha1, which.bytes.size());
        REQUIRE(partial);
        REQUIRE((*partial)->write(which.chunks[0], which.chunk(0)));
        return *std::move(partial);
    };
    write_one(f);
    write_one(other);
    const std::string half(40, 'a'), torn(40, 'b');
    write_file(f.layout.partials() / (half + ".0.data"), "data without a journal");
    write_file(f.layout.partials() / (torn + ".3.journal"), "a journal without data");
    write_file(f.layout.links() / "0123456789abcdef.kp2p-temp", "a cache");
    write_file(f.layout.contents() / "0123456789abcdef.kp2p-temp", "a file");
    REQUIRE(Store::open(f.layout.root()));
    CHECK(files_below(f.layout.partials()).size() == 4);  // both can be gone on with

    REQUIRE(f.store.put_bytes(f.bytes));
    REQUIRE(f.store.put_bytes(other.bytes));
    {
        auto living = f.store.resume_partial(other.sha1);
        REQUIRE(*living);
        REQUIRE(Store::open(f.layout.root()));
        CHECK(files_below(f.layout.partials()).size() == 2);
    }
    REQUIRE(Store::open(f.layout.root()));
    CHECK(files_below(f.layout.partials()).empty());
    for (const std::string& name : files_below(f.layout.root()))
        CHECK(!name.ends_with(TempFile::suffix));
}

TEST_CASE("threads write and read one download at once") {
    const Download f(32 * mib);
    auto partial = f.open();
    std::vector<std::thread> threads;
    std::atomic<int> wrong = 0;
    for (std::size_t t = 0; t < 4; ++t)
        threads.emplace_back([&, t] {
            for (std::size_t i = t; i < f.chunks.size(); i += 4) {
                if (!partial->write(f.chunks[i], f.chunk(i))) ++wrong;
                const std::size_t other = (i * 7) % f.chunks.size();
                auto chunk = partial->read(other);
                if (chunk && as_text(chunk->bytes) != as_text(f.chunk(other))) ++wrong;
            }
        });
    for (std::thread& thread : threads) thread.join();
    CHECK(wrong == 0);
    REQUIRE(partial->commit());
    CHECK(proto::sha1_of(as_bytes(read_file(f.layout.content(f.sha1)))) == f.sha1);
}
