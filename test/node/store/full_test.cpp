// A full and a read-only storage, on a small file system of our own in a mount namespace that goes
// with this process. Where the system does not let us make one all of them are skipped.
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "node/store/temp_file.hpp"
#include "test/node/store/download.hpp"
#include "test/node/store/storage.hpp"

using namespace kp2p;
using namespace kp2p::test;
namespace fs = std::filesystem;

namespace {

class SmallFileSystem {
  public:
    explicit SmallFileSystem(const char* options = "size=8m") {
        static const bool apart =
            unshare(CLONE_NEWNS) == 0 || unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0;
        mounted_ = apart && mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
                   mount("tmpfs", path().c_str(), "tmpfs", 0, options) == 0;
    }
    ~SmallFileSystem() {
        if (mounted_) umount(path().c_str());
    }
    bool mounted() const { return mounted_; }
    const fs::path& path() const { return directory_.path(); }
    void make_read_only() const {
        REQUIRE(mount("tmpfs", path().c_str(), nullptr, MS_REMOUNT | MS_RDONLY, nullptr) == 0);
    }

  private:
    TempDir directory_;
    bool mounted_ = false;
};

const bool can_run = [] {
    constexpr int skipped = 77;  // as Meson has it
    if (SmallFileSystem().mounted()) return true;
    std::puts("skipped: no small tmpfs can be mounted here");
    std::exit(skipped);
}();

}  // namespace

TEST_CASE("a full storage is out of space, and what was stored stays") {
    const SmallFileSystem small;
    REQUIRE(small.mounted());
    const TempDir elsewhere;
    write_file(elsewhere.path() / "fits", content(5 * mib));
    write_file(elsewhere.path() / "too large", content(6 * mib + 1));
    const Store store = *Store::open(small.path());
    const Sha1 kept = store.put(elsewhere.path() / "fits", {})->sha1;
    CHECK(store.put(elsewhere.path() / "too large", {}).error() == Errc::out_of_space);
    CHECK(store.put_bytes(content(6 * mib)).error() == Errc::out_of_space);
    CHECK(store.put(elsewhere.path(), {}).error() == Errc::out_of_space);
    CHECK(store.read(kept, 5 * mib));
    for (const std::string& name : files_below(small.path()))
        CHECK(name.find(TempFile::suffix) == name.npos);
}

TEST_CASE("a download that cannot fit says so before it begins, and leaves nothing") {
    const SmallFileSystem small;
    REQUIRE(small.mounted());
    const Store store = *Store::open(small.path());
    CHECK(store.open_partial(Sha1(), 9 * mib).error() == Errc::out_of_space);
    CHECK(files_below(small.path()).empty());
}

TEST_CASE("a download whose disk fills up keeps what it had, and goes on when there is room") {
    const SmallFileSystem small;
    REQUIRE(small.mounted());
    const Download f(3 * mib);
    const Store store = *Store::open(small.path());
    auto partial = store.open_partial(f.sha1, f.bytes.size());
    REQUIRE(partial);
    REQUIRE((*partial)->write(f.chunks[2], f.chunk(2)));
    REQUIRE((*partial)->write(f.chunks[1], f.chunk(1)));
    // Give the reserved space back and fill the disk: as on a file system that reserves nothing.
    const fs::path data = Layout(small.path()).partials() / (f.sha1.hex() + ".0.data");
    REQUIRE(truncate(data.c_str(), 0) == 0);
    REQUIRE(truncate(data.c_str(), static_cast<off_t>(3 * mib)) == 0);
    std::ofstream(small.path() / "filler", std::ios::binary) << as_text(content(9 * mib));
    CHECK((*partial)->write(f.chunks[0], f.chunk(0)).error() == Errc::out_of_space);
    CHECK(!(*partial)->has(0));
    CHECK((*partial)->read(1).error() == Errc::not_found);  // its bytes are gone, and it shows
    fs::remove(small.path() / "filler");
    CHECK((*partial)->write(f.chunks[0], f.chunk(0)));
    CHECK((*partial)->read(0));
}

TEST_CASE("a storage without inodes left is out of space, and says where") {
    const SmallFileSystem small("size=8m,nr_inodes=12");
    REQUIRE(small.mounted());
    const Store store = *Store::open(small.path());
    REQUIRE(store.put_bytes(content(10)));
    for (int i = 0; i < 12; ++i) std::ofstream(small.path() / std::to_string(i));
    for (const auto error :
         {store.put_bytes(content(20)).error(), store.open_partial(Sha1(), 10).error()}) {
        CHECK(error == Errc::out_of_space);
        CHECK(storage_trouble().starts_with(small.path().string()));
        CHECK(storage_trouble().ends_with("can hold no more files (df -i)"));
    }
}

TEST_CASE("downloads that nobody is at make room, the oldest first, if that is enough") {
    const SmallFileSystem small;
    REQUIRE(small.mounted());
    const TempDir elsewhere;
    const Store store = *Store::open(small.path());
    const Layout layout(small.path());
    const auto data = [&](const Download& of) {
        return layout.partials() / (of.sha1.hex() + ".0.data");
    };
    const auto load_one = [&](const Download& of, int hours_old) {
        auto partial = store.open_partial(of.sha1, of.bytes.size());
        REQUIRE(partial);
        REQUIRE((*partial)->write(of.chunks[1], of.chunk(1)));
        const auto time = fs::file_time_type::clock::now() - std::chrono::hours(hours_old);
        fs::last_write_time(data(of), time);
        fs::last_write_time(fs::path(data(of)).replace_extension("journal"), time);
        return *std::move(partial);
    };
    const Download old(2 * mib), older(2 * mib + 1), living(2 * mib + 2);
    load_one(old, 1);
    load_one(older, 2);
    const auto held = load_one(living, 3);
    CHECK(store.partial_usage().files == 3);
    CHECK(store.open_partial(Sha1(), 12 * mib).error() == Errc::out_of_space);
    CHECK(store.partial_usage().files == 3);  // all of it would not be enough
    write_file(elsewhere.path() / "a", content(5 * mib + mib / 2));
    REQUIRE(store.put(elsewhere.path() / "a", {}));
    CHECK(fs::exists(data(old)));
    CHECK(!fs::exists(data(older)));
    CHECK(fs::exists(data(living)));
    CHECK(held->has(1));
}

TEST_CASE("a part of the storage on another file system takes files as any other") {
    const TempDir storage;
    const ByteVector bytes = content(mib + 3);
    const Download f(2 * mib);
    for (const Sha1& sha1 : {proto::sha1_of(bytes), f.sha1}) {
        const fs::path part = storage.path() / "sha1" / sha1.hex().substr(0, 2);
        fs::create_directories(part);
        REQUIRE(mount("tmpfs", part.c_str(), "tmpfs", 0, "size=8m") == 0);
    }
    {
        const Store store = *Store::open(storage.path());
        const Layout layout(storage.path());
        for (int i = 0; i < 2; ++i) REQUIRE(store.put_bytes(bytes));
        CHECK(read_file(layout.content(proto::sha1_of(bytes))) == as_text(bytes));
        auto partial = store.open_partial(f.sha1, f.bytes.size());
        REQUIRE(partial);
        for (std::size_t i = 0; i < 2; ++i) REQUIRE((*partial)->write(f.chunks[i], f.chunk(i)));
        REQUIRE((*partial)->commit());
        CHECK(read_file(layout.content(f.sha1)) == as_text(f.bytes));
        CHECK(files_below(layout.partials()).empty());
        for (const std::string& name : files_below(storage.path()))
            CHECK(name.find(TempFile::suffix) == name.npos);
    }
    for (const Sha1& sha1 : {proto::sha1_of(bytes), f.sha1})
        umount((storage.path() / "sha1" / sha1.hex().substr(0, 2)).c_str());
}

TEST_CASE("a read-only storage can be read, and refuses the rest") {
    const SmallFileSystem small;
    REQUIRE(small.mounted());
    const TempDir elsewhere;
    write_file(elsewhere.path() / "a", content(2 * mib));
    const Sha1 stored = Store::open(small.path())->put(elsewhere.path() / "a", {})->sha1;
    fs::remove(Layout(small.path()).links_cache(stored));
    small.make_read_only();
    const Store store = *Store::open(small.path());
    CHECK(store.put_bytes(content(1)).error() == Errc::storage_unavailable);
    CHECK(store.put(elsewhere.path() / "a", {}).error() == Errc::storage_unavailable);
    CHECK(store.open_partial(Sha1(), 1).error() == Errc::storage_unavailable);
    auto chunks = store.open_chunks(stored);
    REQUIRE(chunks);
    REQUIRE((*chunks)->prepare());  // its links cannot be remembered, but are made
    CHECK((*chunks)->read(1));
    CHECK(store.read(stored, 2 * mib));
}

TEST_CASE("a rotten file of a read-only storage counts as missing") {
    const SmallFileSystem small;
    REQUIRE(small.mounted());
    const TempDir elsewhere;
    write_file(elsewhere.path() / "a", content(10));
    const Sha1 stored = Store::open(small.path())->put(elsewhere.path() / "a", {})->sha1;
    write_file(Layout(small.path()).content(stored), content(11));
    small.make_read_only();
    const Store store = *Store::open(small.path());
    auto chunks = store.open_chunks(stored);
    REQUIRE(chunks);
    REQUIRE((*chunks)->prepare().error() == proto::Errc::wrong_hash);
    const std::string said = store.settle(**chunks, proto::Errc::wrong_hash);
    CHECK(said.find("cannot be set aside") != std::string::npos);
    CHECK(store.find(stored).error() == Errc::not_found);
    CHECK(store.clear_place(stored).empty());
}
