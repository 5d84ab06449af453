// A full and a read-only storage, on a small file system of our own in a mount namespace that goes
// with this process. Where the system does not let us make one all of them are skipped.
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "test/node/store/download.hpp"

using namespace kp2p;
using namespace kp2p::test;
namespace fs = std::filesystem;

namespace {

constexpr std::size_t mib = std::size_t{1} << 20;

class SmallFileSystem {
  public:
    SmallFileSystem() {
        static const bool apart =
            unshare(CLONE_NEWNS) == 0 || unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0;
        mounted_ = apart && mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
                   mount("tmpfs", path().c_str(), "tmpfs", 0, "size=8m") == 0;
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
    TempDirectory directory_;
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
    const TempDirectory elsewhere;
    write_file(elsewhere.path() / "fits", content(5 * mib));
    write_file(elsewhere.path() / "too large", content(6 * mib + 1));
    const Store store = *Store::open(small.path());
    const Sha1 kept = store.put(elsewhere.path() / "fits", {})->sha1;
    CHECK(store.put(elsewhere.path() / "too large", {}).error() == Errc::out_of_space);
    CHECK(store.put_bytes(content(6 * mib)).error() == Errc::out_of_space);
    CHECK(store.put(elsewhere.path(), {}).error() == Errc::out_of_space);
    CHECK(store.read(kept, 5 * mib));
    for (const std::string& name : files_below(small.path()))
        CHECK(!name.ends_with(TempFile::suffix));
    CHECK(store.copy_out(kept, small.path() / "copy").error() == Errc::out_of_space);
    CHECK(!fs::exists(small.path() / "copy"));
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

TEST_CASE("a read-only storage can be read, and refuses the rest") {
    const SmallFileSystem small;
    REQUIRE(small.mounted());
    const TempDirectory elsewhere;
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
    CHECK(store.copy_out(stored, elsewhere.path() / "out"));
}
