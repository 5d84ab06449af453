#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "cmd/dest/directory_destination.hpp"
#include "cmd/dest/file_destination.hpp"
#include "proto/file/sha1.hpp"
#include "test/files.hpp"
#include "test/proto/file/content.hpp"
#include "test/temp_dir.hpp"

using namespace kp2p;
using namespace kp2p::test;
namespace fs = std::filesystem;

namespace {

constexpr std::size_t mib = std::size_t{1} << 20;

// Puts `bytes` there, in pieces of a size that fits nothing.
Result<void> put(const fs::path& dest, ByteView bytes, std::stop_token stop = {}) {
    auto to = FileDestination::find(dest, stop);
    if (!to) return to.error();
    to->sweep();
    if (auto begun = to->begin(); !begun) return begun;
    while (!bytes.empty()) {
        const auto piece = bytes.first(std::min<std::size_t>(bytes.size(), 77'777));
        if (auto done = to->write(piece); !done) return done;
        bytes = bytes.subspan(piece.size());
    }
    return to->finish();
}
Result<void> put(const fs::path& dest, std::string_view text, std::stop_token stop = {}) {
    return put(dest, as_bytes(text), stop);
}

std::size_t entries_in(const fs::path& folder) {
    return static_cast<std::size_t>(
        std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

unsigned rights(const fs::path& path) {
    return static_cast<unsigned>(fs::status(path).permissions()) & 0777;
}

class Umask {
  public:
    explicit Umask(mode_t mask) : before_(::umask(mask)) {}
    ~Umask() { ::umask(before_); }

  private:
    mode_t before_;
};

proto::Sha1Dir listing_of(const fs::path& folder) {
    proto::Sha1Dir dir;
    for (const auto& entry : fs::directory_iterator(folder)) {
        const std::string name = entry.path().filename();
        if (entry.is_directory()) {
            dir.dirs[name] = listing_of(entry.path());
        } else {
            const std::string bytes = read_file(entry.path());
            dir.files[name] = {bytes.size(), proto::sha1_of(as_bytes(bytes))};
        }
    }
    return dir;
}

// Makes `dest` a copy of `tree`.
Result<void> put_tree(const fs::path& tree, const fs::path& dest) {
    auto to = DirectoryDestination::find(dest);
    if (!to) return to.error();
    if (auto begun = to->begin(); !begun) return begun;
    fs::copy(tree, to->path(), fs::copy_options::recursive);
    return to->finish();
}

}  // namespace

TEST_CASE("a file is written whole, over an older one, whose rights it keeps") {
    const TempDir temp;
    const fs::path out = temp.path() / "out";
    const Umask mask(027);
    CHECK(put(out, content(mib + 1)));
    CHECK(read_file(out) == as_text(content(mib + 1)));
    CHECK(rights(out) == 0640);
    REQUIRE(::chmod(out.c_str(), 0604) == 0);
    CHECK(put(out, "newer"));
    CHECK(read_file(out) == "newer");
    CHECK(rights(out) == 0604);
    CHECK(entries_in(temp.path()) == 1);
}

TEST_CASE("what can be no destination is refused before anything is made") {
    const TempDir temp;
    write_file(temp.path() / "file", "x");
    fs::create_symlink("nowhere", temp.path() / "broken");
    const struct {
        const char* name;
        fs::path dest;
        std::errc error;
    } rows[] = {
        {"a directory", temp.path(), std::errc::is_a_directory},
        {"below a file", temp.path() / "file" / "x", std::errc::not_a_directory},
        {"below nothing", temp.path() / "x" / "y", std::errc::no_such_file_or_directory},
        {"a link to nowhere", temp.path() / "broken", std::errc::no_such_file_or_directory},
        {"a descriptor that is not open", "/dev/fd/1000000", std::errc::bad_file_descriptor},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        auto found = FileDestination::find(row.dest, {});
        CHECK(found.error() == row.error);
    }
    CHECK(entries_in(temp.path()) == 2);
}

TEST_CASE("a link is followed, and stays one") {
    const TempDir temp;
    write_file(temp.path() / "real", "older");
    fs::create_symlink("real", temp.path() / "link");
    CHECK(put(temp.path() / "link", "newer"));
    CHECK(fs::is_symlink(temp.path() / "link"));
    CHECK(read_file(temp.path() / "real") == "newer");
}

TEST_CASE("a FIFO waits for its reader, is written to, and stays one") {
    const TempDir temp;
    const fs::path fifo = temp.path() / "fifo";
    REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
    std::string got;
    std::thread reader([&] { got = read_file(fifo); });
    CHECK(put(fifo, content(mib)));
    reader.join();
    CHECK(got == as_text(content(mib)));
    CHECK(fs::is_fifo(fifo));
    CHECK(entries_in(temp.path()) == 1);
}

TEST_CASE("a device is written to, and one that is full is out of space") {
    CHECK(put("/dev/null", "gone"));
    CHECK(fs::is_character_file("/dev/null"));
    if (fs::exists("/dev/full")) CHECK(put("/dev/full", "x").error() == Errc::out_of_space);
}

TEST_CASE("a descriptor is written to where it stands") {
    const TempDir temp;
    const fs::path out = temp.path() / "out";
    const int fd = ::open(out.c_str(), O_RDWR | O_CREAT, 0600);
    REQUIRE(fd >= 0);
    REQUIRE(::write(fd, "before ", 7) == 7);
    CHECK(put("/dev/fd/" + std::to_string(fd), "and after"));
    ::close(fd);
    CHECK(read_file(out) == "before and after");
    CHECK(FileDestination::find("-", {})->is_stdout());
}

TEST_CASE("runs of zeros become holes, at any place and in pieces of any size") {
    const TempDir temp;
    const fs::path out = temp.path() / "out";
    ByteVector bytes(16 * mib);
    bytes[0] = 1;
    bytes[5 * mib + 17] = 2;
    SUBCASE("with bytes at the end") { bytes.back() = 3; }
    SUBCASE("with a hole at the end") {}
    CHECK(put(out, bytes));
    CHECK(read_file(out) == as_text(bytes));
    struct stat status;
    REQUIRE(::stat(out.c_str(), &status) == 0);
    CHECK(static_cast<std::size_t>(status.st_blocks) * 512 < mib);
}

TEST_CASE("a stop leaves nothing behind") {
    const TempDir temp;
    std::stop_source stop;
    stop.request_stop();
    CHECK(put(temp.path() / "out", "x", stop.get_token()).error() == Errc::canceled);
    CHECK(entries_in(temp.path()) == 0);
}

TEST_CASE("a directory is put whole over nothing that is there") {
    const TempDir temp;
    const fs::path tree = temp.path() / "tree", out = temp.path() / "out";
    write_file(tree / "a", "one");
    write_file(tree / "sub" / "ü", "two");
    fs::create_directory(tree / "empty");
    SUBCASE("the destination is new") { CHECK(put_tree(tree, out)); }
    SUBCASE("it ends in a slash") { CHECK(put_tree(tree, out / "")); }
    SUBCASE("it is an empty directory") {
        fs::create_directory(out);
        REQUIRE(::chmod(out.c_str(), 0750) == 0);
        CHECK(put_tree(tree, out / "." / ""));
        CHECK(rights(out) == 0750);
    }
    SUBCASE("it is a link to an empty directory") {
        fs::create_directory(temp.path() / "real");
        fs::create_symlink("real", out);
        CHECK(put_tree(tree, out));
        CHECK(fs::is_symlink(out));
        fs::remove(out);
        fs::rename(temp.path() / "real", out);
    }
    CHECK(files_below(out) == files_below(tree));
    CHECK(read_file(out / "sub" / "ü") == "two");
    CHECK(fs::is_directory(out / "empty"));
    CHECK(entries_in(temp.path()) == 2);
}

TEST_CASE("what is there already is left as it is") {
    const TempDir temp;
    const fs::path tree = temp.path() / "tree", out = temp.path() / "out";
    write_file(tree / "a", "one");
    SUBCASE("a directory that is not empty") {
        write_file(out / "mine", "precious");
        auto to = DirectoryDestination::find(out);
        REQUIRE(to);
        CHECK(to->is_taken());
        CHECK(!put_tree(tree, out));
        CHECK(files_below(out) == std::vector<std::string>{"mine"});
    }
    SUBCASE("a file") {
        write_file(out, "precious");
        CHECK(DirectoryDestination::find(out).error() == std::errc::file_exists);
        CHECK(read_file(out) == "precious");
    }
    SUBCASE("nothing, and no directory to make it in") {
        CHECK(DirectoryDestination::find(out / "x" / "y").error() ==
              std::errc::no_such_file_or_directory);
    }
    CHECK(entries_in(temp.path()) == (fs::exists(out) ? 2 : 1));
}

TEST_CASE("a directory holds a listing when it is exactly that") {
    const TempDir temp;
    const fs::path out = temp.path() / "out";
    write_file(out / "a", "one");
    write_file(out / "sub" / "b", "two");
    fs::create_directory(out / "empty");
    const proto::Sha1Dir listing = listing_of(out);
    bool same = false;
    SUBCASE("the same") { same = true; }
    SUBCASE("other bytes of the same size") { write_file(out / "a", "0ne"); }
    SUBCASE("another size") { write_file(out / "sub" / "b", "two and more"); }
    SUBCASE("a file more") { write_file(out / "c", ""); }
    SUBCASE("a file less") { fs::remove(out / "a"); }
    SUBCASE("a directory less") { fs::remove(out / "empty"); }
    SUBCASE("a link in place of a file") {
        fs::rename(out / "a", temp.path() / "a");
        fs::create_symlink(temp.path() / "a", out / "a");
    }
    auto to = DirectoryDestination::find(out);
    REQUIRE(to);
    auto held = to->holds(listing, {});
    REQUIRE(held);
    CHECK(*held == same);
}

TEST_CASE("writing removes what killed writers left beside it, and nothing else") {
    const TempDir temp;
    const fs::path out = temp.path() / "out", empty = temp.path() / "empty";
    fs::create_directory(empty);
    const auto litter = [&] {
        write_file(out / "0123456789abcdef.kp2p-temp", "half");
        write_file(out / "0123456789abcde0.kp2p-temp" / "sub" / "b", "half");
    };
    write_file(out / "mine.kp2p-temp", "precious");
    write_file(out / "0123456789abcde1.kp2p-temp" / "b", "being written");
    auto living = File::open(out / "0123456789abcde1.kp2p-temp", File::Mode::read);
    REQUIRE(living);
    REQUIRE(living->try_lock() == File::Lock::held);
    write_file(temp.path() / "linked" / "c", "c");
    fs::create_directory_symlink(temp.path() / "linked", out / "0123456789abcde2.kp2p-temp");

    litter();
    REQUIRE(put(out / "a", "a"));
    const std::vector<std::string> left = {"0123456789abcde1.kp2p-temp/b", "a", "mine.kp2p-temp"};
    CHECK(files_below(out) == left);
    litter();
    REQUIRE(put_tree(empty, out / "dir"));
    CHECK(files_below(out) == left);
    CHECK(fs::is_empty(out / "dir"));
    CHECK(fs::exists(out / "0123456789abcde2.kp2p-temp" / "c"));
}

TEST_CASE("a sweep at any moment leaves what is being written") {
    const TempDir temp;
    const fs::path out = temp.path() / "out", empty = temp.path() / "empty";
    fs::create_directory(out);
    fs::create_directory(empty);
    std::atomic<bool> done = false;
    std::thread sweeper([&] {
        while (!done) TempFile::sweep(out);
    });
    std::size_t written = 0;
    constexpr std::size_t writes = 500;
    for (std::size_t i = 0; i < writes; ++i) {
        const auto file = put(out / "file", "x");
        const auto directory = put_tree(empty, out / "directory");
        written += file && directory;
    }
    done = true;
    sweeper.join();
    CHECK(written == writes);
}
