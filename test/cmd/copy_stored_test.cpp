#include "cmd/dest/copy_stored.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include "proto/file/sha1.hpp"
#include "test/files.hpp"
#include "test/proto/file/content.hpp"
#include "test/temp_dir.hpp"

using namespace kp2p;
using namespace kp2p::test;
namespace fs = std::filesystem;

namespace {

struct Copying {
    TempDir dir;
    ByteVector bytes = content((std::size_t{5} << 20) + 3);
    Sha1 sha1 = proto::sha1_of(bytes);
    fs::path stored = dir.path() / "stored", copy = dir.path() / "copy";
    File to = *File::open(copy, File::Mode::create);

    Copying() { write_file(stored, bytes); }
    std::string stamp() const { return File::open(stored, File::Mode::read)->stamp()->text(); }
    bool is_empty() const { return fs::file_size(copy) == 0; }
    void rot() const {
        ByteVector rotten = bytes;
        rotten[rotten.size() / 2] ^= 1;
        write_file(stored, rotten);
        fs::last_write_time(stored, fs::file_time_type::clock::now() - std::chrono::hours(1));
    }
};

blkcnt_t blocks_of(const fs::path& path) {
    struct stat status;
    REQUIRE(::stat(path.c_str(), &status) == 0);
    return status.st_blocks;
}

}  // namespace

TEST_CASE("what was not verified just now is, as it is copied") {
    const Copying f;
    SUBCASE("right") {
        CHECK(*copy_stored({f.stored, f.sha1}, f.to, {}));
        CHECK(read_file(f.copy) == as_text(f.bytes));
        return;
    }
    SUBCASE("rotten") { f.rot(); }
    SUBCASE("rotten since it was verified") {
        const std::string before = f.stamp();
        f.rot();
        CHECK_FALSE(*copy_stored({f.stored, f.sha1, before}, f.to, {}));
        CHECK(f.is_empty());
    }
    SUBCASE("not there") { fs::remove(f.stored); }
    SUBCASE("a directory") {
        fs::remove(f.stored);
        fs::create_directory(f.stored);
    }
    CHECK_FALSE(*copy_stored({f.stored, f.sha1}, f.to, {}));
    CHECK(f.is_empty());
}

TEST_CASE("what was verified just now is copied without being hashed") {
    const Copying f;
    f.rot();  // or nothing would tell the two apart
    CHECK(*copy_stored({f.stored, f.sha1, f.stamp()}, f.to, {}));
    CHECK(read_file(f.copy) == read_file(f.stored));
}

TEST_CASE("holes of a stored file are holes of its copy, and the size is the same") {
    const Copying f;
    const ByteVector zeros(std::size_t{8} << 20);
    REQUIRE(File::open(f.stored, File::Mode::change)->resize(0));
    REQUIRE(File::open(f.stored, File::Mode::change)->resize(zeros.size()));
    const std::string verified = f.stamp();
    for (const std::string& stamp : {std::string(), verified}) {
        CHECK(*copy_stored({f.stored, proto::sha1_of(zeros), stamp}, f.to, {}));
        CHECK(fs::file_size(f.copy) == zeros.size());
        CHECK(blocks_of(f.copy) < 64);
        REQUIRE(f.to.resize(0));
    }
}

TEST_CASE("a copy ends when it is told to") {
    const Copying f;
    std::stop_source stop;
    stop.request_stop();
    CHECK(copy_stored({f.stored, f.sha1}, f.to, stop.get_token()).error() == Errc::canceled);
}
