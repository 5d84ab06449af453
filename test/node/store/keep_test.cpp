// What the storage keeps, for whom, and how much room that takes.
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>

#include "node/store/directories.hpp"
#include "node/store/disk/platform.hpp"
#include "node/store/put/upload.hpp"
#include "node/store/temp_file.hpp"
#include "test/node/store/colliding.hpp"
#include "test/node/store/download.hpp"
#include "test/node/store/storage.hpp"

using namespace kp2p;
using namespace kp2p::test;
namespace fs = std::filesystem;

namespace {

class Umask {
  public:
    explicit Umask(mode_t mask) : before_(umask(mask)) {}
    Umask(const Umask&) = delete;
    ~Umask() { umask(before_); }

  private:
    mode_t before_;
};

struct stat status_of(const fs::path& path) {
    struct stat status = {};
    REQUIRE(lstat(path.c_str(), &status) == 0);
    return status;
}
unsigned mode_of(const fs::path& path) { return status_of(path).st_mode & 07777; }
std::size_t bytes_on_disk(const fs::path& path) {
    return static_cast<std::size_t>(status_of(path).st_blocks) * 512;
}

void make_older(const fs::path& path, std::chrono::hours age) {
    fs::last_write_time(path, fs::file_time_type::clock::now() - age);
}

}  // namespace

TEST_CASE("what is stored is as open as the storage, never more than its source, and read-only") {
    const struct {
        const char* name;
        unsigned storage, umask, source;
        unsigned directory, file;
    } rows[] = {
        {"usual", 0755, 022, 0644, 0755, 0444},
        {"private source", 0755, 022, 0600, 0755, 0400},
        {"source for the group", 0755, 022, 0640, 0755, 0440},
        {"private storage", 0700, 000, 0666, 0700, 0400},
        {"careful user", 0755, 077, 0644, 0700, 0400},
        {"no umask", 0755, 000, 0666, 0755, 0444},
        {"shared by a group", 02775, 022, 0644, 02775, 0444},
        {"shared, careful user", 02775, 077, 0644, 02775, 0444},
        {"shared, private source", 02770, 022, 0600, 02770, 0440},
        {"shared by all", 01777, 022, 0644, 01777, 0444},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        const Storage f;
        const Umask umask(row.umask);
        REQUIRE(chmod(f.root.c_str(), row.storage) == 0);
        const fs::path path = f.file("a", "some bytes");
        REQUIRE(chmod(path.c_str(), row.source) == 0);
        auto uri = f.store.put(path, {});
        REQUIRE(uri);
        const fs::path stored = f.layout.content(uri->sha1);
        CHECK(mode_of(stored) == row.file);
        for (fs::path above = stored.parent_path(); above != f.root; above = above.parent_path())
            CHECK(mode_of(above) == row.directory);
        REQUIRE(f.store.open_partial(Sha1(), 10));
        CHECK(mode_of(f.layout.partials()) == row.directory);
    }
}

TEST_CASE("a group that is not the source's may read what everybody may, and no more") {
    if (geteuid() != 0) return;  // needs to be in several groups
    constexpr gid_t foreign = 60000;
    for (const auto& [source, file] : {std::pair(0644u, 0444u), {0640u, 0400u}, {0664u, 0444u}}) {
        const Storage f;
        const Umask umask(022);
        const fs::path path = f.file("a", "some bytes");
        REQUIRE(chown(path.c_str(), uid_t(-1), foreign) == 0);
        REQUIRE(chmod(path.c_str(), source) == 0);
        const auto uri = f.store.put(path, {});
        REQUIRE(uri);
        CHECK(mode_of(f.layout.content(uri->sha1)) == file);
    }
}

TEST_CASE("holes stay holes when a file is stored") {
    const Storage f;
    const fs::path path = f.file("a", "BEGIN");
    fs::resize_file(path, 64 * mib);
    std::ofstream(path, std::ios::app) << "END";
    fs::resize_file(path, 70 * mib);
    auto uri = f.store.put(path, {});
    REQUIRE(uri);
    const fs::path stored = f.layout.content(uri->sha1);
    CHECK(fs::file_size(stored) == 70 * mib);
    CHECK(bytes_on_disk(stored) < mib);
    CHECK(read_file(stored) == read_file(path));
}

namespace {

class HoleCounter : public Disk {
  public:
    std::uint64_t next_hole(int fd, std::uint64_t offset) override {
        const std::uint64_t hole = Disk::next_hole(fd, offset);
        if (hole > offset) ++told;  // which not every system does
        return hole;
    }
    int told = 0;
};

}  // namespace

// On tmpfs each question goes through all pages up to the answer.
TEST_CASE(
    "a file without holes is asked for them at its beginning and at its end when it is stored") {
    const Storage f;
    const fs::path path = f.file("a", std::string(16 * mib, 'x'));
    HoleCounter counter;
    const DiskInstead instead(counter);
    REQUIRE(f.store.put(path, {}));
    CHECK(counter.told <= 1);  // and never where the file system shares the blocks
}

TEST_CASE("runs of zeros become holes in what is uploaded") {
    const Storage f;
    auto upload = f.store.begin_upload(PutOptions::Manifest::never, 0);
    REQUIRE(upload);
    const ByteVector zeros(mib), bytes(1000, 7);
    REQUIRE((*upload)->add(bytes));
    for (int i = 0; i < 8; ++i) REQUIRE((*upload)->add(zeros));
    auto put = (*upload)->finish();
    REQUIRE(put);
    const fs::path stored = f.layout.content(put->sha1);
    const std::string content = read_file(stored);
    CHECK(content.size() == 8 * mib + 1000);
    CHECK(content.starts_with(as_text(bytes)));
    CHECK(content.find_first_not_of('\0', 1000) == std::string::npos);
    CHECK(bytes_on_disk(stored) < mib);
}

// Where bytes were, which not every system does: then zeros are written over them.
bool can_make_holes() {
    const Storage f;
    const fs::path path = f.file("scratch", std::string(64 * 1024, 'x'));
    const int fd = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
    REQUIRE(fd >= 0);
    const bool made = platform::make_hole(fd, {.offset = 0, .size = 64 * 1024});
    ::close(fd);
    return made;
}

TEST_CASE("a download takes the room of what was written, and zeros take none") {
    const Download f(4 * mib);
    auto partial = f.open();
    CHECK(bytes_on_disk(f.data()) < mib);
    CHECK(f.store.partial_usage().files == 1);
    CHECK(f.store.partial_usage().bytes < mib);
    REQUIRE(partial->write(f.chunks[1], f.chunk(1)));
    CHECK(bytes_on_disk(f.data()) >= mib);
    CHECK(bytes_on_disk(f.data()) < 2 * mib);
    CHECK(f.store.partial_usage().bytes == bytes_on_disk(f.data()));
    // What an earlier run has left there gives way to zeros.
    ByteVector zeros(mib);
    std::fstream data(f.data(), std::ios::in | std::ios::out | std::ios::binary);
    data.seekp(2 * mib);
    data << std::string(mib, 'x') << std::flush;
    REQUIRE(partial->write(f.chunks[2], zeros));
    CHECK(as_text(partial->read(2)->bytes) == as_text(zeros));
    CHECK(bytes_on_disk(f.data()) < (can_make_holes() ? 2 : 3) * mib);
}

TEST_CASE("what an attack on SHA-1 has made is not stored, in whatever way") {
    const Storage f;
    const fs::path path = f.file("attack", colliding(0));
    const std::string attack = colliding(0);
    const ByteView bytes = as_bytes(attack);
    PutOptions link;
    link.content = PutOptions::Content::link;
    CHECK(f.store.put(path, {}).error() == Errc::sha1_collision);
    CHECK(f.store.put(path, link).error() == Errc::sha1_collision);
    CHECK(f.store.put(f.files, {}).error() == Errc::sha1_collision);
    CHECK(f.store.put_bytes(bytes).error() == Errc::sha1_collision);
    const Store::Loaded colliding{proto::sha1_of(bytes), bytes};
    const ByteView one = as_bytes("one"), another = as_bytes("another");
    CHECK(f.store.put_loaded(colliding).error() == Errc::sha1_collision);
    const auto some = f.store.put_loaded({{proto::sha1_of(one), one},
                                          colliding,
                                          {proto::sha1_of(another), another},
                                          {proto::sha1_of(one), another}});
    CHECK(some[0]);
    CHECK(some[1].error() == Errc::sha1_collision);
    CHECK(some[2]);
    CHECK(some[3].error() == proto::Errc::wrong_hash);
    {
        auto upload = Upload::open(f.layout, PutOptions::Manifest::if_large, 0);
        REQUIRE(upload);
        REQUIRE((*upload)->add(bytes.first(200)));
        REQUIRE((*upload)->add(bytes.subspan(200)));
        CHECK((*upload)->finish().error() == Errc::sha1_collision);
    }
    CHECK(!f.store.find(colliding_sha1()));
    CHECK(!fs::exists(f.layout.content(colliding_sha1())));
}

TEST_CASE("a part or a piece of a file that an attack has made is in no manifest") {
    const Storage f;
    std::string bytes(std::size_t{24} << 20, 'x');
    bytes.replace(5 * proto::piece_bytes, colliding(0).size(), colliding(0));
    const fs::path path = f.file("large", bytes);
    CHECK(f.store.put(path, {}).error() == Errc::sha1_collision);
    auto upload = Upload::open(f.layout, PutOptions::Manifest::if_large, bytes.size());
    REQUIRE(upload);
    REQUIRE((*upload)->add(as_bytes(bytes)));
    CHECK((*upload)->finish().error() == Errc::sha1_collision);
    PutOptions bare;
    bare.manifest = PutOptions::Manifest::never;
    CHECK(f.store.put(path, bare));
}

TEST_CASE("the same bytes again leave the file that is there, and damaged ones give way") {
    const Storage f;
    const fs::path path = f.file("a", "some bytes");
    const fs::path stored = f.layout.content(f.store.put(path, {})->sha1);
    const auto inode = status_of(stored).st_ino;
    REQUIRE(f.store.put(path, {}));
    CHECK(status_of(stored).st_ino == inode);
    for (const char* damaged : {"same bytes", "some", "some bytes, and more", ""}) {
        CAPTURE(damaged);
        write_file(stored, damaged);
        REQUIRE(f.store.put(path, {}));
        CHECK(read_file(stored) == "some bytes");
    }
    for (const std::string& name : files_below(f.root))
        CHECK(name.find(TempFile::suffix) == name.npos);
}

TEST_CASE("a directory that is removed while files are put is made again") {
    const Storage f;
    const PutOptions options;
    Intake intake(f.layout, options, Intake::Files::many);
    const Sha1 sha1 = *intake.put_bytes(as_bytes("here"));
    CHECK(intake.finish());
    fs::remove_all(f.layout.content(sha1).parent_path().parent_path());
    CHECK(intake.put_bytes(as_bytes("here")));
    CHECK(intake.finish());
    CHECK(f.store.find(sha1));
}

TEST_CASE("what a killed process was writing together goes with the first sweep") {
    const Storage f;
    DirectoryMaker maker(f.layout);
    REQUIRE(maker.make(f.layout.contents()));
    const auto left_over = [&] { return files_below(f.layout.contents()).size(); };
    {
        auto folder = TempFolder::create_in(f.layout.contents(), maker);
        REQUIRE(folder);
        auto file = folder->create(maker);
        REQUIRE(file);
        (void)f.store.sweep();
        CHECK(left_over() == 1);
        const fs::path dead = f.layout.contents() / TempFile::new_name();
        fs::create_directory(dead);
        write_file(dead / "0", "half of it");
        (void)f.store.sweep();
        CHECK(left_over() == 1);
    }
    CHECK(left_over() == 0);
    CHECK(fs::is_empty(f.layout.contents()));
}

TEST_CASE("what a killed process had made read-only goes with the first sweep") {
    const Storage f;
    const fs::path dead = f.layout.contents() / TempFile::new_name();
    write_file(dead, "all of it");
    fs::permissions(dead, fs::perms(0444));
    UsersDisk users;
    const DiskInstead instead(users);
    (void)f.store.sweep();
    CHECK(!fs::exists(dead));
}

TEST_CASE("nothing is written or removed through a link that was planted in the storage") {
    const Download f(2 * mib);
    const TempDir elsewhere;
    const fs::path victim = elsewhere.path() / "victim", new_file = elsewhere.path() / "new";
    write_file(victim, "precious");
    fs::create_directories(f.layout.partials());
    SUBCASE("in place of a download's files") {
        for (int i = 0; i < 3; ++i) {
            const std::string base = f.layout.partials() / (f.sha1.hex() + "." + std::to_string(i));
            fs::create_symlink(i == 0 ? victim : new_file, base + ".journal");
            fs::create_symlink(i == 1 ? victim : new_file, base + ".data");
        }
        f.store.sweep();
        auto partial = f.open();
        for (std::size_t i = 0; i < 2; ++i) REQUIRE(partial->write(f.chunks[i], f.chunk(i)));
        REQUIRE(partial->commit());
    }
    SUBCASE("in place of the directory of downloads") {
        const std::string half = std::string(40, 'a') + ".0.data";
        write_file(elsewhere.path() / half, "half");
        fs::remove(f.layout.partials());
        fs::create_directory_symlink(elsewhere.path(), f.layout.partials());
        f.store.sweep();
        CHECK(f.store.open_partial(f.sha1, f.bytes.size()).error() == Errc::storage_unavailable);
        CHECK(read_file(elsewhere.path() / half) == "half");
    }
    SUBCASE("in place of the directory of a links cache") {
        const std::string hex = f.sha1.hex();
        write_file(elsewhere.path() / hex, "precious");
        fs::create_directories(f.layout.links());
        fs::create_directory_symlink(elsewhere.path(), f.layout.links() / hex.substr(0, 2));
        REQUIRE(f.store.put_bytes(f.bytes));
        REQUIRE((*f.store.open_chunks(f.sha1))->prepare());
        CHECK(read_file(elsewhere.path() / hex) == "precious");
    }
    SUBCASE("in place of a temporary file") {
        const fs::path planted = f.layout.links() / "0123456789abcdef.kp2p-temp";
        fs::create_directories(f.layout.links());
        fs::create_symlink(new_file, planted);
        f.store.sweep();
    }
    CHECK(read_file(victim) == "precious");
    CHECK(!fs::exists(new_file));
}

TEST_CASE("a download that nobody went on with for a week is forgotten") {
    const Download f(2 * mib);
    const auto age = [&](std::chrono::hours how_old) {
        make_older(f.data(), how_old);
        make_older(f.journal(), how_old);
    };
    auto partial = f.open();
    REQUIRE(partial->write(f.chunks[0], f.chunk(0)));
    age(std::chrono::hours(8 * 24));
    f.store.sweep();
    CHECK(fs::exists(f.data()));  // somebody has it
    partial.reset();
    age(std::chrono::hours(6 * 24));
    f.store.sweep();
    CHECK(fs::exists(f.data()));
    age(std::chrono::hours(8 * 24));
    REQUIRE(Store::open(f.layout.root()));
    CHECK(files_below(f.layout.partials()).empty());
    CHECK(f.store.partial_usage().files == 0);
}

TEST_CASE("a temporary file of another machine is left alone for a day") {
    const Storage f;
    const fs::path theirs = f.layout.contents() / "0123456789abcdef.00000000.kp2p-temp";
    const fs::path directory = f.layout.contents() / "0123456789abcdef.00000001.kp2p-temp";
    write_file(theirs, "being written");
    write_file(directory / "a" / "b", "being written");
    f.store.sweep();
    CHECK(fs::exists(theirs));
    CHECK(fs::exists(directory));
    for (const fs::path& path : {theirs, directory, directory / "a"})
        make_older(path, std::chrono::hours(25));
    f.store.sweep();
    CHECK(!fs::exists(theirs));
    CHECK(fs::exists(directory));  // a file in it is being written
    make_older(directory / "a" / "b", std::chrono::hours(25));
    f.store.sweep();
    CHECK(!fs::exists(directory));
}

TEST_CASE("a storage that is gone is not made anew, and another one in its place is not begun") {
    const Storage f;
    const fs::path path = f.file("a", "some bytes");
    REQUIRE(f.store.put(path, {}));
    fs::rename(f.root, f.directory.path() / "unmounted");
    const auto refuses = [&] {
        CHECK(f.store.put(path, {}).error() == Errc::storage_unavailable);
        CHECK(storage_trouble().starts_with(f.root.string()));
        CHECK(f.store.put_bytes(as_bytes("x")).error() == Errc::storage_unavailable);
        CHECK(f.store.open_partial(Sha1(), 10).error() == Errc::storage_unavailable);
    };
    refuses();
    CHECK(!fs::exists(f.root));
    fs::create_directory(f.root);  // a mount point without what was mounted
    refuses();
    CHECK(fs::is_empty(f.root));
    fs::remove(f.root);
    fs::rename(f.directory.path() / "unmounted", f.root);
    CHECK(f.store.put(path, {}));
}

TEST_CASE("limits of the process are named") {
    const Storage f;
    const fs::path path = f.file("a", std::string(300'000, 'x'));
    const auto put_under = [&](auto resource, rlim_t most) {
        rlimit limit;
        REQUIRE(getrlimit(resource, &limit) == 0);
        const rlimit low{most, limit.rlim_max};
        REQUIRE(setrlimit(resource, &low) == 0);
        auto put = f.store.put(path, {});
        REQUIRE(setrlimit(resource, &limit) == 0);
        return put.error();
    };
    std::signal(SIGXFSZ, SIG_IGN);
    CHECK(put_under(RLIMIT_FSIZE, 100'000) == Errc::storage_unavailable);
    CHECK(storage_trouble().find("ulimit -f") != std::string::npos);
    const int next = dup(0);
    close(next);
    CHECK(put_under(RLIMIT_NOFILE, static_cast<rlim_t>(next) + 1) == Errc::storage_unavailable);
    CHECK(storage_trouble().find("ulimit -n") != std::string::npos);
    for (const std::string& name : files_below(f.root))
        CHECK(name.find(TempFile::suffix) == name.npos);
}
