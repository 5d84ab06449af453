// Files of the storage that are not what their name says, or not there as they were.
#include <doctest/doctest.h>
#include <sys/stat.h>

#include "node/store/links_cache.hpp"
#include "node/store/store.hpp"
#include "test/node/store/colliding.hpp"
#include "test/node/store/storage.hpp"
#include "test/proto/file/content.hpp"

using namespace kp2p;
using namespace kp2p::test;
namespace fs = std::filesystem;

namespace {

struct Stored : Storage {  // and one file in it
    ByteVector bytes = content(3 * mib + 1);
    Sha1 sha1 = put();
    fs::path path = layout.content(sha1);

    Sha1 put() const { return Storage::put(file("file", bytes)).sha1; }
    ByteVector rotten() const {
        ByteVector other = bytes;
        other[mib] ^= 1;
        return other;
    }
    // Hashes it anew, as is done before it is set aside.
    std::string doubt() const {
        auto chunks = store.open_chunks(sha1, WholeChunks::Links::fresh);
        REQUIRE(chunks);
        std::error_code failure;
        while (!failure && !(*chunks)->ready())
            if (auto done = (*chunks)->prepare(); !done) failure = done.error();
        return store.settle(**chunks, failure);
    }
    std::vector<fs::path> damaged() const {
        std::vector<fs::path> found;
        std::error_code none;
        for (const auto& entry : fs::directory_iterator(layout.damaged(), none))
            found.push_back(entry.path());
        return found;
    }
};

}  // namespace

TEST_CASE("a rotten file is set aside, once, and is not here any more") {
    const Stored f;
    write_file(f.path, f.rotten());
    const std::string said = f.doubt();
    REQUIRE(f.damaged().size() == 1);
    CHECK(f.damaged()[0].filename().native().starts_with(f.sha1.hex() + "."));
    CHECK(said.find(f.path) == 0);
    CHECK(said.find(f.damaged()[0]) != std::string::npos);
    CHECK(read_file(f.damaged()[0]) == as_text(f.rotten()));
    CHECK(!f.store.find(f.sha1));
    CHECK(!fs::exists(f.path));
    CHECK(f.put() == f.sha1);
    CHECK(f.store.read(f.sha1, 4 * mib));
}

TEST_CASE("a stored file that an attack on SHA-1 has made is not given, and set aside") {
    const Stored f;
    const fs::path path = f.layout.content(colliding_sha1());
    fs::create_directories(path.parent_path());
    const std::string attack = colliding(1);
    write_file(path, as_bytes(attack));  // as others do, who look for no attacks
    CHECK(f.store.read(colliding_sha1(), mib).error() == proto::Errc::wrong_hash);
    auto chunks = f.store.open_chunks(colliding_sha1());
    REQUIRE(chunks);
    REQUIRE_FALSE((*chunks)->ready());
    const auto prepared = (*chunks)->prepare();
    CHECK(prepared.error() == Errc::sha1_collision);
    const std::string said = f.store.settle(**chunks, prepared.error());
    CHECK(said.find("part of a SHA-1 collision attack; set aside as") != std::string::npos);
    CHECK(f.damaged().size() == 1);
    CHECK(!f.store.find(colliding_sha1()));
}

TEST_CASE("a file is hashed anew by its links, two chunks at once, and by wrong ones not") {
    for (const std::size_t size : {mib + 1, 2 * mib, 2 * mib + 1, 3 * mib, 4 * mib - 1, 40 * mib}) {
        CAPTURE(size);
        const Storage f;
        const ByteVector bytes = content(size);
        const Sha1 sha1 = f.put(f.file("file", bytes)).sha1;
        const fs::path path = f.layout.content(sha1);
        const auto verdict = [&] {
            auto chunks = f.store.open_chunks(sha1, WholeChunks::Links::fresh);
            REQUIRE(chunks);
            std::error_code failure;
            while (!failure && !(*chunks)->ready())
                if (auto done = (*chunks)->prepare(); !done) failure = done.error();
            if (!failure) CHECK((*chunks)->links().size() == proto::chunk_count(size));
            return failure;
        };
        CHECK_FALSE(verdict());
        const FileStamp stamp = f.store.find(sha1)->stamp;
        KnownLinks links = *load_links(f.layout.links_cache(sha1), stamp);
        const KnownLinks right = links;
        for (std::size_t i = 0; i < links.links.size(); i += 7) {
            links.links[i].data()[3] ^= 1;
            save_links(f.layout.links_cache(sha1), stamp, links);
            CHECK_FALSE(verdict());
            CHECK(*load_links(f.layout.links_cache(sha1), stamp) == right);
            links = right;
        }
        // Bytes that rot under an unchanged stamp.
        for (const std::size_t at : {std::size_t{0}, size / 2, size - 1}) {
            ByteVector rotten = bytes;
            rotten[at] ^= 1;
            write_file(path, rotten);
            fs::last_write_time(path, fs::file_time_type::clock::now());
            save_links(f.layout.links_cache(sha1), f.store.find(sha1)->stamp, right);
            CHECK(verdict() == proto::Errc::wrong_hash);
        }
    }
}

// A member of a group that shares a storage could write both the bytes and what is known of them.
TEST_CASE("sums of a links cache count where nobody else can have written it") {
    const Stored f;
    const fs::path cache = f.layout.links_cache(f.sha1);
    REQUIRE(load_links(cache, f.store.find(f.sha1)->stamp)->sums.size() == 4);
    const ByteVector forged = f.rotten();
    write_file(f.path, forged);
    KnownLinks known = *load_links(cache, *stamp_of_links(cache));
    known.sums[1] = proto::content_sum(ByteView(forged).subspan(mib, mib));
    save_links(cache, f.store.find(f.sha1)->stamp, known);
    // Links come from the cache, so the file is not hashed; the sum is the forged chunk's.
    const auto given = [&] { return bool((*f.store.open_chunks(f.sha1))->read(1)); };
    CHECK(given());
    for (const mode_t mode : {0664, 0646}) {
        REQUIRE(::chmod(cache.c_str(), mode) == 0);
        CHECK(load_links(cache, f.store.find(f.sha1)->stamp)->links == known.links);
        CHECK_FALSE(given());
    }
}

TEST_CASE("in a storage that a group shares, too, sums are written by their owner alone") {
    const Storage f;
    fs::permissions(f.root, fs::perms(02775));
    const Sha1 sha1 = f.put(f.file("file", content(2 * mib))).sha1;
    const fs::path cache = f.layout.links_cache(sha1);
    CHECK((fs::status(cache).permissions() & fs::perms(0777)) == fs::perms(0644));
    CHECK(load_links(cache, f.store.find(sha1)->stamp)->sums.size() == 2);
}

TEST_CASE("a good file outlives wrong links and a changed stamp") {
    const Stored f;
    SUBCASE("links of another file") {
        const auto stamp = f.store.find(f.sha1)->stamp;
        const KnownLinks wrong{std::vector<Sha1Link>(4, proto::first_link()), {}};
        save_links(f.layout.links_cache(f.sha1), stamp, wrong);
        auto chunks = f.store.open_chunks(f.sha1);
        REQUIRE((*chunks)->ready());
        CHECK((*chunks)->read(0).error() == proto::Errc::wrong_hash);
    }
    SUBCASE("touched") { fs::last_write_time(f.path, fs::file_time_type::clock::now()); }
    SUBCASE("restored from a backup") {
        fs::copy_file(f.path, f.root / "copy");
        fs::rename(f.root / "copy", f.path);
    }
    CHECK(f.doubt().empty());
    CHECK(f.damaged().empty());
    CHECK(f.store.is_checked(f.sha1, *f.store.find(f.sha1)));
    auto chunks = f.store.open_chunks(f.sha1);
    REQUIRE((*chunks)->ready());
    for (std::uint64_t i = 0; i < 4; ++i) CHECK((*chunks)->read(i));
}

TEST_CASE("a file that is replaced while it is hashed is not condemned") {
    const Stored f;
    write_file(f.path, f.rotten());
    auto chunks = f.store.open_chunks(f.sha1, WholeChunks::Links::fresh);
    REQUIRE(chunks);
    CHECK((*chunks)->prepare().error() == proto::Errc::wrong_hash);
    f.put();
    CHECK(f.store.settle(**chunks, proto::Errc::wrong_hash).empty());
    CHECK(f.damaged().empty());
    CHECK(f.store.read(f.sha1, 4 * mib));

    auto stale = f.store.open_chunks(f.sha1, WholeChunks::Links::fresh);
    fs::remove(f.path);
    f.put();
    CHECK((*stale)->prepare().error() == Errc::not_found);
}

TEST_CASE("what lies in a file's place and is no such file is moved away") {
    const Stored f;
    fs::remove(f.path);
    CHECK(f.store.clear_place(f.sha1).empty());
    SUBCASE("a directory") { write_file(f.path / "inner", "precious"); }
    SUBCASE("nothing in it") { write_file(f.path, ""); }
    SUBCASE("a named pipe") { REQUIRE(mkfifo(f.path.c_str(), 0600) == 0); }
    SUBCASE("a link to nowhere") { fs::create_symlink("nowhere", f.path); }
    CHECK(f.store.find(f.sha1).error() == Errc::not_found);
    CHECK(!f.store.clear_place(f.sha1).empty());
    CHECK(!fs::exists(fs::symlink_status(f.path)));
    CHECK(f.damaged().size() == 1);
    CHECK(f.store.clear_place(f.sha1).empty());
    f.put();
    CHECK(f.store.clear_place(f.sha1).empty());
    CHECK(f.store.find(f.sha1));
}

TEST_CASE("what cannot be set aside there is set aside beside its place") {
    const Stored f;
    write_file(f.layout.damaged(), "no directory");
    write_file(f.path, f.rotten());
    CHECK(f.doubt().find(".damaged") != std::string::npos);
    CHECK(!fs::exists(f.path));
    for (const auto& entry : fs::directory_iterator(f.path.parent_path()))
        CHECK(read_file(entry.path()) == as_text(f.rotten()));
}

TEST_CASE("a file that the disk does not give counts as missing until it is tried again") {
    const Stored f;
    // Reading a process's memory where there is none is such an error.
    FileStamp stamp;
    stamp.size_bytes = 100;
    const fs::path memory = "/proc/self/mem";
    WholeChunks chunks(f.sha1, StoredFile{memory, stamp}, f.root / "cache",
                       WholeChunks::Links::kept);
    chunks.found_right();
    if (fs::exists(memory)) CHECK(chunks.read(0).error() == std::errc::io_error);

    auto found = f.store.open_chunks(f.sha1);
    CHECK(!f.store.settle(**found, make_error_code(std::errc::io_error)).empty());
    CHECK(f.store.find(f.sha1).error() == Errc::not_found);
    CHECK(f.store.clear_place(f.sha1).empty());
    CHECK(f.damaged().empty());
    f.store.retry_unreadable(f.sha1);
    CHECK(f.store.find(f.sha1));
}

TEST_CASE("a link that does not hold any more says so") {
    const Stored f;
    PutOptions linking;
    linking.content = PutOptions::Content::link;
    const fs::path path = f.directory.path() / "linked";
    write_file(path, content(10));
    const Sha1 sha1 = f.store.put(path, linking)->sha1;
    std::string why;
    REQUIRE(f.store.find(sha1, why));
    CHECK(why.empty());
    const char* word = "";
    SUBCASE("touched") {
        fs::last_write_time(path, fs::last_write_time(path) + std::chrono::seconds(1));
        word = " has changed";
    }
    SUBCASE("gone") {
        fs::remove(path);
        word = " is gone";
    }
    CHECK(f.store.find(sha1, why).error() == Errc::not_found);
    CHECK(why.find(path.native() + word) != std::string::npos);
}

TEST_CASE("verdicts are of one state of a file, and are not too many") {
    Verdicts verdicts;
    const FileStamp stamp{1, 2, 3, 4};
    const Sha1 sha1 = proto::sha1_of({});
    verdicts.keep(sha1, stamp, Verdict::right);
    CHECK(verdicts.of(sha1, stamp) == Verdict::right);
    for (const FileStamp& other : {FileStamp{0, 2, 3, 4}, {1, 0, 3, 4}, {1, 2, 0, 4}, {1, 2, 3, 0}})
        CHECK(!verdicts.of(sha1, other));
    verdicts.forget(sha1, Verdict::unreadable);
    CHECK(verdicts.of(sha1, stamp) == Verdict::right);
    for (std::uint64_t i = 0; i < Verdicts::max_kept; ++i)
        verdicts.keep(Sha1(), FileStamp{1, 1, 1, i}, Verdict::wrong);
    CHECK(!verdicts.of(sha1, stamp));
    CHECK(verdicts.of(Sha1(), {1, 1, 1, 0}) == Verdict::wrong);
}
