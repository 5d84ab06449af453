#include "node/store/store.hpp"

#include <doctest/doctest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "proto/file/links.hpp"
#include "test/node/store/storage.hpp"
#include "test/proto/file/content.hpp"

using namespace kp2p;
using namespace kp2p::test;
namespace fs = std::filesystem;

namespace {

PutOptions linking() {
    PutOptions options;
    options.content = PutOptions::Content::link;
    return options;
}

}  // namespace

TEST_CASE("a stored file lies where kachery looks for it, whole") {
    const Storage f;
    for (const std::size_t size :
         {std::size_t{0}, std::size_t{1}, std::size_t{65}, mib - 1, mib, mib + 1, 5 * mib + 3}) {
        CAPTURE(size);
        const ByteVector bytes = content(size);
        const Sha1 sha1 = proto::sha1_of(bytes);
        const proto::Uri uri = f.put(f.file("grüße an alle.bin", bytes));
        CHECK(uri.text() == "sha1://" + sha1.hex() + "/grüße%20an%20alle.bin");
        const std::string hex = sha1.hex();
        const fs::path path =
            f.root / "sha1" / hex.substr(0, 2) / hex.substr(2, 2) / hex.substr(4, 2) / hex;
        CHECK(read_file(path) == as_text(bytes));
        auto found = f.store.find(sha1);
        REQUIRE(found);
        CHECK(found->path == path);
        CHECK(found->stamp.size_bytes == size);
    }
}

TEST_CASE("a stored file is read in chunks that prove it, without being hashed again") {
    const Storage f;
    const ByteVector bytes = content(3 * mib + 5);
    const Sha1 sha1 = f.put(f.file("a", bytes)).sha1;
    auto chunks = f.store.open_chunks(sha1);
    REQUIRE(chunks);
    CHECK((*chunks)->ready());
    proto::LinkHasher hasher;
    hasher.update(bytes);
    for (std::uint64_t i = 0; i < 4; ++i) {
        auto chunk = (*chunks)->read(i);
        REQUIRE(chunk);
        CHECK(chunk->link == hasher.links()[i]);
        CHECK(as_text(chunk->bytes) == as_text(ByteView(bytes).subspan(i * mib, i < 3 ? mib : 5)));
    }
    CHECK((*chunks)->read(4).error() == Errc::not_found);
}

TEST_CASE("a file that kachery stored is found, and its links are made and remembered") {
    const Storage f;
    for (const std::size_t size : {std::size_t{0}, std::size_t{10}, 40 * mib + 1}) {
        CAPTURE(size);
        const ByteVector bytes = content(size);
        const Sha1 sha1 = proto::sha1_of(bytes);
        write_file(Layout(f.root).content(sha1), bytes);
        auto chunks = f.store.open_chunks(sha1);
        REQUIRE(chunks);
        CHECK(!(*chunks)->ready());
        int slices = 0;
        for (; !(*chunks)->ready(); ++slices) REQUIRE((*chunks)->prepare());
        CHECK(slices == (size > 32 * mib ? 2 : 1));
        CHECK((*chunks)->links().size() == proto::chunk_count(size));
        CHECK((*f.store.open_chunks(sha1))->ready() == (size > mib));
        CHECK(f.store.read(sha1, size));
    }
}

TEST_CASE("content that is not what its name says is never given") {
    const Storage f;
    ByteVector bytes = content(2 * mib);
    const Sha1 sha1 = proto::sha1_of(bytes);
    bytes[mib] ^= 1;
    const fs::path path = Layout(f.root).content(sha1);
    SUBCASE("altered before it was first read") {
        write_file(path, bytes);
        auto chunks = f.store.open_chunks(sha1);
        REQUIRE(chunks);
        CHECK((*chunks)->prepare().error() == proto::Errc::wrong_hash);
        CHECK(!(*chunks)->ready());
        CHECK(f.store.read(sha1, bytes.size()).error() == proto::Errc::wrong_hash);
    }
    SUBCASE("altered after its links were cached") {
        f.put(f.file("a", content(2 * mib)));
        auto before = f.store.open_chunks(sha1);
        REQUIRE((*before)->ready());
        write_file(path, bytes);
        fs::last_write_time(path, fs::last_write_time(path) + std::chrono::seconds(1));
        CHECK((*before)->read(0));  // this one is still right
        CHECK((*before)->read(1).error() == proto::Errc::wrong_hash);
        CHECK(!(*f.store.open_chunks(sha1))->ready());
    }
    SUBCASE("empty after a power failure") {
        write_file(path, "");
        CHECK(!f.store.find(sha1));
    }
    SUBCASE("storing it again repairs it") {
        write_file(path, bytes);
        f.put(f.file("a", content(2 * mib)));
        CHECK(proto::sha1_of(as_bytes(read_file(path))) == sha1);
    }
}

TEST_CASE("a damaged links cache is as good as none") {
    const Storage f;
    const Sha1 sha1 = f.put(f.file("a", content(2 * mib))).sha1;
    const fs::path cache = Layout(f.root).links_cache(sha1);
    const std::string good = read_file(cache);
    for (std::size_t at = 0; at < good.size(); ++at) {
        CAPTURE(at);
        std::string bad = good;
        bad[at] = static_cast<char>(bad[at] ^ 4);
        write_file(cache, bad);
        CHECK(!(*f.store.open_chunks(sha1))->ready());
        write_file(cache, good.substr(0, at));
        CHECK(!(*f.store.open_chunks(sha1))->ready());
    }
    write_file(cache, good);
    CHECK((*f.store.open_chunks(sha1))->ready());
}

TEST_CASE("kept links are of the file as it was hashed, whatever its size and time say") {
    const Storage f;
    const Sha1 sha1 = f.put(f.file("a", content(2 * mib))).sha1;
    const fs::path path = Layout(f.root).content(sha1);
    const auto time = fs::last_write_time(path);
    const auto stamp = [&] { return *File::open(path, File::Mode::read)->stamp(); };
    const FileStamp before = stamp();
    REQUIRE((*f.store.open_chunks(sha1))->ready());
    SUBCASE("written to in place") {
        while (stamp() == before) {  // the clock of the file system may be a coarse one
            std::fstream(path, std::ios::in | std::ios::out | std::ios::binary) << "other";
            fs::last_write_time(path, time);
        }
    }
    SUBCASE("replaced") {
        fs::copy_file(path, f.root / "copy");
        fs::last_write_time(f.root / "copy", time);
        fs::rename(f.root / "copy", path);
    }
    CHECK(fs::last_write_time(path) == time);
    CHECK(!(*f.store.open_chunks(sha1))->ready());
}

TEST_CASE("a linked file is found where it lies, until it changes") {
    const Storage f;
    const fs::path path = f.file("ü b", content(2 * mib));
    const Sha1 sha1 = f.put(path, linking()).sha1;
    CHECK(!fs::exists(Layout(f.root).content(sha1)));
    auto found = f.store.find(sha1);
    REQUIRE(found);
    CHECK(found->path == path);
    CHECK((*f.store.open_chunks(sha1))->ready());

    const auto time = fs::last_write_time(path);
    SUBCASE("another size") {
        write_file(path, content(2 * mib + 1));
        fs::last_write_time(path, time);
        CHECK(!f.store.find(sha1));
    }
    SUBCASE("another time") {
        fs::last_write_time(path, time + std::chrono::milliseconds(1));
        CHECK(!f.store.find(sha1));
    }
    SUBCASE("gone") {
        fs::remove(path);
        CHECK(!f.store.find(sha1));
    }
    SUBCASE("other content under the same size and time") {
        auto before = f.store.open_chunks(sha1);
        REQUIRE((*before)->ready());
        ByteVector other = content(2 * mib);
        other[0] ^= 1;
        write_file(path, other);
        fs::last_write_time(path, time);
        CHECK((*before)->read(0).error() == proto::Errc::wrong_hash);
        CHECK((*before)->read(1));  // this one is still right
        REQUIRE(f.store.find(sha1));
        auto chunks = f.store.open_chunks(sha1, WholeChunks::Links::fresh);
        CHECK((*chunks)->prepare().error() == proto::Errc::wrong_hash);
        CHECK(f.store.settle(**chunks, proto::Errc::wrong_hash).find(path) != std::string::npos);
        CHECK(!f.store.find(sha1));
        CHECK(read_file(path) == as_text(other));
    }
}

TEST_CASE("links as kachery writes them are followed") {
    const Storage f;
    const ByteVector bytes = content(10);
    const fs::path path = f.file("a", bytes);
    const Sha1 sha1 = proto::sha1_of(bytes);
    struct stat status;
    REQUIRE(stat(path.c_str(), &status) == 0);
    char mtime[64];
    std::snprintf(mtime, sizeof mtime, "%lld.%07ld", static_cast<long long>(status.st_mtim.tv_sec),
                  status.st_mtim.tv_nsec / 100);
    const std::string good = R"({"path": ")" + path.native() + R"(", )";
    const std::string time = mtime;
    const struct {
        const char* name;
        std::string json;
        bool found;
    } rows[] = {
        {"Python", good + R"("manifest_hash": null, "stat": {"size": 10, "mtime": )" + time + "}}",
         true},
        {"daemon",
         good + R"("manifestSha1":null,"stat":{"size":10,"mtime":)" + time +
             R"(},"_writingProcess":"daemon"})",
         true},
        {"size", good + R"("stat": {"size": 11, "mtime": )" + time + "}}", false},
        {"time", good + R"("stat": {"size": 10, "mtime": 1.5}})", false},
        {"no stat", good + R"("x": 1})", false},
        {"relative path", R"({"path": "a", "stat": {"size": 10, "mtime": )" + time + "}}", false},
        {"no JSON", "{", false},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        write_file(Layout(f.root).link(sha1), row.json);
        CHECK(bool(f.store.find(sha1)) == row.found);
    }
}

TEST_CASE("files above 20 MB get kachery's manifest, unless it is not wanted") {
    const Storage f;
    const fs::path large = f.file("large", content(20'000'001));
    const fs::path small = f.file("small", content(20'000'000));
    CHECK(!f.put(small).manifest);
    PutOptions bare;
    bare.manifest = PutOptions::Manifest::never;
    CHECK(!f.put(large, bare).manifest);
    for (const PutOptions& options : {PutOptions(), linking()}) {
        const proto::Uri uri = f.put(large, options);
        REQUIRE(uri.manifest);
        auto json = f.store.read(*uri.manifest, proto::max_manifest_bytes);
        REQUIRE(json);
        auto manifest = proto::Manifest::parse(as_text(*json));
        REQUIRE(manifest);
        CHECK(manifest->sha1 == uri.sha1);
        CHECK(manifest->chunks.size() == 20);  // of 1 MiB
    }
}

TEST_CASE("what cannot be stored is refused, and nothing is left behind") {
    const Storage f;
    CHECK(f.store.put(f.files / "missing", {}).error() == std::errc::no_such_file_or_directory);
    REQUIRE(mkfifo((f.files / "pipe").c_str(), 0600) == 0);
    CHECK(f.store.put(f.files / "pipe", {}).error() == std::errc::invalid_argument);
    std::stop_source stop;
    stop.request_stop();
    PutOptions stopped;
    stopped.stop = stop.get_token();
    CHECK(f.store.put(f.file("a", content(10)), stopped).error() == Errc::canceled);
    CHECK(files_below(f.root).empty());
    CHECK(Store::open(f.root / "missing").error() == Errc::storage_unavailable);
    CHECK(Store::open(f.files / "a").error() == Errc::storage_unavailable);
}

TEST_CASE("a file that cannot be opened for want of descriptors is not missing") {
    const Storage f;
    const Sha1 sha1 = f.put(f.file("a", content(10))).sha1;
    const Sha1 linked = f.put(f.file("b", content(11)), linking()).sha1;
    rlimit limit;
    REQUIRE(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    const rlimit none{0, limit.rlim_max};
    REQUIRE(setrlimit(RLIMIT_NOFILE, &none) == 0);
    const auto found = f.store.find(sha1), found_link = f.store.find(linked);
    const auto chunks = f.store.open_chunks(sha1);
    REQUIRE(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    CHECK(found.error() == Errc::storage_unavailable);
    CHECK(found_link.error() == Errc::storage_unavailable);
    CHECK(chunks.error() == Errc::storage_unavailable);
    CHECK(f.store.find(sha1));
    CHECK(f.store.find(linked));
}

TEST_CASE("a manifest is made also where no thread can be started") {
    const Storage f;
    const fs::path path = f.file("a", content(3 * mib));
    auto source = File::open(path, File::Mode::read);
    REQUIRE(source);
    const auto usual = hash_file(*source, nullptr, ManifestWish::make, std::stop_token());
    REQUIRE(usual);
    const pid_t child = fork();
    if (child == 0) {
        const rlimit none{0, 0};
        const uid_t nobody = 65534;  // root is not limited
        if (geteuid() == 0 && setuid(nobody) != 0) _exit(2);
        if (setrlimit(RLIMIT_NPROC, &none) != 0) _exit(3);
        const auto alone = hash_file(*source, nullptr, ManifestWish::make, std::stop_token());
        _exit(alone && alone->manifest->manifest.text() == usual->manifest->manifest.text() ? 0
                                                                                            : 1);
    }
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 0);
}
