// What the storage does when the system fails it, call by call.
#include "test/node/store/faults.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <thread>

#include "node/process/config_dir.hpp"
#include "node/store/store_errc.hpp"
#include "node/store/temp_file.hpp"
#include "test/node/store/download.hpp"
#include "test/node/store/storage.hpp"

using namespace kp2p;
using namespace kp2p::test;
namespace fs = std::filesystem;

namespace {

struct Healed {
    ~Healed() { faults = Faults(); }
};

struct Case : Storage {  // and faults that end with it
    Healed healed;
};

std::ptrdiff_t count(const char* call) {
    return std::ranges::count(faults.calls, std::string(call));
}

}  // namespace

TEST_CASE("a download whose flush failed is written again before it counts as flushed") {
    const Healed healed;
    const Download f(3 * mib + 9);
    auto partial = f.open();
    for (std::size_t i = 0; i < 4; ++i) REQUIRE(partial->write(f.chunks[i], f.chunk(i)));
    faults.error = ENOSPC;
    faults.failing_data_flushes = 1;
    CHECK(partial->commit().error() == Errc::out_of_space);
    CHECK(!f.store.find(f.sha1));
    SUBCASE("by the same process") {}
    SUBCASE("by another one, as the failure must outlive a crash") {
        partial.reset();
        partial = f.resume();
        REQUIRE(partial);
        CHECK(partial->stored().size() == 4);
    }
    SUBCASE("and fails again") {
        faults.failing_data_flushes = 1;
        CHECK(partial->commit().error() == Errc::out_of_space);
        partial.reset();
        partial = f.resume();
    }
    faults.calls.clear();
    REQUIRE(partial->commit());
    const auto flush = std::ranges::find(faults.calls, "flush data");
    CHECK(std::count(faults.calls.begin(), flush, "write") == 3 * 4 + 1);  // of 256 KiB
    CHECK(read_file(f.layout.content(f.sha1)) == as_text(f.bytes));
    CHECK(files_below(f.layout.partials()).empty());
}

TEST_CASE("what the system dropped after a failed flush is asked for again") {
    const Healed healed;
    const Download f(3 * mib);
    auto partial = f.open();
    for (std::size_t i = 0; i < 3; ++i) REQUIRE(partial->write(f.chunks[i], f.chunk(i)));
    faults.error = EIO;
    faults.failing_data_flushes = 1;
    CHECK(partial->commit().error() == Errc::storage_unavailable);
    const ByteVector zeros(mib);
    std::fstream(f.data(), std::ios::in | std::ios::out | std::ios::binary) << as_text(zeros);
    SUBCASE("by the same process") {
        CHECK(partial->commit().error() == Errc::storage_unavailable);
        CHECK(partial->stored().size() == 2);
    }
    SUBCASE("by another one") {
        partial.reset();
        partial = f.resume();
        CHECK(partial->stored().size() == 2);
    }
    REQUIRE(partial->write(f.chunks[0], f.chunk(0)));
    REQUIRE(partial->commit());
    CHECK(read_file(f.layout.content(f.sha1)) == as_text(f.bytes));
}

TEST_CASE("a name whose flush failed acknowledges nothing") {
    const Healed healed;
    {
        const Download f(2 * mib);
        auto partial = f.open();
        for (std::size_t i = 0; i < 2; ++i) REQUIRE(partial->write(f.chunks[i], f.chunk(i)));
        faults.error = EIO;
        faults.failing_name_flushes = 1;
        CHECK(partial->commit().error() == Errc::storage_unavailable);
        CHECK(!f.store.find(f.sha1));
        partial.reset();
        partial = f.resume();
        REQUIRE(partial);
        faults.calls.clear();
        REQUIRE(partial->commit());
        CHECK(count("flush names") == 6);  // of cc, bb, aa, sha1, the storage, and what it is in
    }
    const Case f;
    const fs::path path = f.file("a", content(100));
    faults.error = EIO;
    for (const bool data : {true, false}) {
        (data ? faults.failing_data_flushes : faults.failing_name_flushes) = 1;
        CHECK(f.store.put(path, {}).error() == Errc::storage_unavailable);
        CHECK(!f.store.find(proto::sha1_of(content(100))));
        faults.calls.clear();
        CHECK(f.store.put(path, {}));
        CHECK(count("write") == 2);  // the content, and the record of it
        CHECK(count("flush data") == 1);
        CHECK(count("flush names") == 6);
        fs::remove_all(f.layout.contents());
    }
}

TEST_CASE("many files at once count only when the whole file system was flushed twice") {
    const Case f;
    for (std::size_t i = 0; i < 5; ++i) f.file(std::to_string(i), content(i + 1));
    faults.error = EIO;
    for (const int passing : {0, 1}) {
        faults.passing_system_flushes = passing;
        faults.failing_system_flushes = 1;
        CHECK(f.store.put(f.files, {}).error() == Errc::storage_unavailable);
        CHECK(files_below(f.root / "sha1").empty());
    }
    CHECK(f.store.put(f.files, {}));
    for (std::size_t i = 0; i < 5; ++i) CHECK(f.store.find(proto::sha1_of(content(i + 1))));
}

TEST_CASE("a configuration directory that is new is there after a power cut, or not opened") {
    const Case f;
    const fs::path path = f.directory.path() / "new" / "config";
    std::string why;
    SystemRandom random;
    faults.error = EIO;
    for (int i = 0; i < 2; ++i) {
        faults.failing_name_flushes = 1;
        CHECK(!ConfigDir::open(path, random, why));
    }
    faults.failing_name_flushes = 0;
    REQUIRE(ConfigDir::open(path, random, why));
    faults.failing_name_flushes = 1;  // a key that might be another one tomorrow is none
    auto config = ConfigDir::open(path, random, why);
    REQUIRE(config);
    CHECK(!(*config)->key_seed(why));
    CHECK(!fs::exists(path / "key"));
    CHECK((*config)->key_seed(why));
}

TEST_CASE("a sweep where locks hold nothing leaves what may have a writer") {
    const Case f;
    fs::create_directories(f.layout.contents());
    fs::create_directories(f.layout.partials());
    for (const auto locks : {Faults::Locks::always_held, Faults::Locks::missing}) {
        faults.locks = locks;
        auto living = TempFile::create_in(f.layout.contents());
        REQUIRE(living);
        const fs::path half = f.layout.partials() / (std::string(40, 'a') + ".0.data");
        write_file(half, "half");
        f.store.sweep();
        CHECK(fs::exists(living->path()));
        CHECK(fs::file_size(half) == 4);
        const auto long_ago = fs::file_time_type::clock::now() - std::chrono::hours(25);
        fs::last_write_time(living->path(), long_ago);
        f.store.sweep();
        CHECK(!fs::exists(living->path()));
    }
}

TEST_CASE("where locks hold nothing, downloads of one file cost each other nothing") {
    const Healed healed;
    faults.locks = Faults::Locks::always_held;
    const Download f(3 * mib);
    auto first = f.open(), second = f.open();
    REQUIRE(first->write(f.chunks[0], f.chunk(0)));
    SUBCASE("one finishes") {
        for (std::size_t i = 0; i < 3; ++i) REQUIRE(second->write(f.chunks[i], f.chunk(i)));
        REQUIRE(second->commit());
    }
    SUBCASE("one gives up") { second->discard(); }
    SUBCASE("one begins anew") {
        second->discard();
        second = f.open();
    }
    for (std::size_t i = 1; i < 3; ++i) REQUIRE(first->write(f.chunks[i], f.chunk(i)));
    REQUIRE(first->commit());
    CHECK(read_file(f.layout.content(f.sha1)) == as_text(f.bytes));
}

TEST_CASE("a scratch storage waits for no disk") {
    const Healed healed;
    const DiskInstead as_before(disk());
    const Download f(3 * mib + 9);
    REQUIRE(Store::open(f.directory.path(), Store::Flush::never));
    auto partial = f.open();
    for (std::size_t i = 0; i < 4; ++i) REQUIRE(partial->write(f.chunks[i], f.chunk(i)));
    REQUIRE(partial->commit());
    CHECK(f.store.find(f.sha1));
    TempDir elsewhere;
    write_file(elsewhere.path() / "small.txt", as_bytes("of no worth"));
    CHECK(f.store.put(elsewhere.path(), {}));
    CHECK(count("write") > 4);
    for (const char* flush : {"flush data", "flush names", "flush system"})
        CHECK(count(flush) == 0);
}

TEST_CASE("interrupted calls and pieces of reads and writes go on") {
    const Case f;
    faults.interrupted = true;
    const ByteVector bytes = content(2 * mib + 7);
    auto uri = f.store.put(f.file("a", bytes), {});
    REQUIRE(uri);
    faults.interrupted = false;
    CHECK(read_file(f.layout.content(uri->sha1)) == as_text(bytes));
    const Download g(2 * mib);
    faults.interrupted = true;
    auto partial = g.open();
    for (std::size_t i = 0; i < 2; ++i) REQUIRE(partial->write(g.chunks[i], g.chunk(i)));
    REQUIRE(partial->commit());
    faults.interrupted = false;
    CHECK(read_file(g.layout.content(g.sha1)) == as_text(g.bytes));
}

TEST_CASE("a chunk that lies in several places is written with few calls, interrupted or not") {
    for (const bool interrupted : {false, true}) {
        CAPTURE(interrupted);
        const Download f(2 * mib);
        auto partial = f.open();
        faults.calls.clear();
        faults.interrupted = interrupted;
        for (std::size_t i = 0; i < 2; ++i) {
            constexpr std::size_t part_bytes = std::size_t{64} << 10;
            std::vector<ByteView> parts;
            for (std::size_t at = 0; at < mib; at += part_bytes)
                parts.push_back(f.chunk(i).subspan(at, part_bytes));
            REQUIRE(partial->write(f.chunks[i], parts));
        }
        faults.interrupted = false;
        if (!interrupted)
            CHECK(std::ranges::count(faults.calls, "write") == 2 * (4 + 1));  // with its record
        REQUIRE(partial->commit());
        CHECK(read_file(f.layout.content(f.sha1)) == as_text(f.bytes));
    }
}

TEST_CASE("what is downloaded goes to the disk meanwhile, where it is to be there in the end") {
    const DiskInstead as_before(disk());
    for (const bool flushing : {true, false}) {
        CAPTURE(flushing);
        if (!flushing) stop_flushing();
        const Download f(17 * mib);
        auto partial = f.open();
        faults.calls.clear();
        for (std::size_t i = 17; i-- > 2;) REQUIRE(partial->write(f.chunks[i], f.chunk(i)));
        CHECK(std::ranges::count(faults.calls, "begin flush") == 0);
        for (std::size_t i = 2; i-- > 0;) REQUIRE(partial->write(f.chunks[i], f.chunk(i)));
        CHECK(std::ranges::count(faults.calls, "begin flush") == (flushing ? 1 : 0));
        REQUIRE(partial->commit());
        CHECK(std::ranges::count(faults.calls, "flush data") == (flushing ? 1 : 0));
    }
}

TEST_CASE("a file that cannot be read says so itself, and not the storage") {
    const Case f;
    const fs::path path = f.file("a", content(10));
    faults.error = EIO;
    faults.unreadable = true;
    CHECK(f.store.put(path, {}).error() == std::errc::io_error);
    faults.unreadable = false;
    CHECK(files_below(f.root).empty());
}

TEST_CASE("a file that changes while it is stored or linked is an error, and nothing is stored") {
    const Case f;
    const fs::path path = f.file("a", content(2 * mib));
    const auto time = fs::last_write_time(path);
    SUBCASE("written to, and its time set back") {
        faults.after_read = [&] {
            std::fstream(path, std::ios::in | std::ios::out | std::ios::binary) << "other";
            fs::last_write_time(path, time);
        };
    }
    SUBCASE("cut short") {
        faults.after_read = [&] { fs::resize_file(path, 300'000); };
    }
    SUBCASE("longer") {
        faults.after_read = [&] { std::ofstream(path, std::ios::app) << "more"; };
    }
    for (const auto how : {PutOptions::Content::copy, PutOptions::Content::link}) {
        auto happen = faults.after_read;
        PutOptions options;
        options.content = how;
        CHECK(f.store.put(path, options).error() == StoreErrc::changed);
        CHECK(files_below(f.root / "sha1").empty());
        faults.after_read = std::move(happen);
        fs::resize_file(path, 2 * mib);
    }
    faults.after_read = nullptr;
    CHECK(f.store.put(path, {}));
}

TEST_CASE("of a directory the file that changes while it is stored is to blame") {
    const Case f;
    const fs::path path = f.file("a", content(10));
    fs::path culprit;
    PutOptions options;
    options.blame = [&](const fs::path& each) { culprit = each; };
    faults.after_read = [&] { std::ofstream(path, std::ios::app) << "more"; };
    CHECK(f.store.put(path.parent_path(), options).error() == StoreErrc::changed);
    faults.after_read = nullptr;
    CHECK(culprit == path);
}

TEST_CASE("a change through a mapping shows as any other") {
    const Case f;
    constexpr long tmpfs_magic = 0x01021994;  // whose mappings leave no trace
    struct statfs system;
    REQUIRE(statfs(f.files.c_str(), &system) == 0);
    if (system.f_type == tmpfs_magic) return;
    const fs::path path = f.file("a", content(2 * mib));
    const int fd = ::open(path.c_str(), O_RDWR);
    auto* mapped = static_cast<char*>(mmap(nullptr, 2 * mib, PROT_WRITE, MAP_SHARED, fd, 0));
    REQUIRE(mapped != MAP_FAILED);
    mapped[mib] = 1;  // from now on the page is changed already
    faults.after_read = [&] {
        std::this_thread::yield();
        mapped[mib] = 2;
    };
    CHECK(f.store.put(path, {}).error() == StoreErrc::changed);
    munmap(mapped, 2 * mib);
    close(fd);
}

TEST_CASE("a node that starts again waits for no disk") {
    const Healed healed;
    const TempDir temp;
    SystemRandom random;
    std::string why;
    REQUIRE((*ConfigDir::open(temp.path(), random, why))->key_seed(why));
    faults.calls.clear();
    const auto config = ConfigDir::open(temp.path(), random, why);
    REQUIRE(config);
    CHECK((*config)->key_seed(why));
    CHECK((*config)->new_api_token(why));
    CHECK((*config)->keep_storage("/storage"));
    CHECK((*config)->keep_api_port(4000));
    CHECK(count("flush data") + count("flush names") + count("flush system") == 0);
    CHECK((*config)->keep_channels({*ChannelName::parse("lab")}));
    CHECK(count("flush data") == 1);
}

TEST_CASE("a file system that does not flush directories takes files, whatever it says to that") {
    for (const int error : {EINVAL, EBADF, EISDIR, ENOTSUP, ENOSYS}) {
        CAPTURE(error);
        const Case f;
        faults.error = error;
        faults.failing_name_flushes = 1000;
        CHECK(f.store.put(f.file("a", content(100)), {}));
        CHECK(f.store.find(proto::sha1_of(content(100))));
    }
}
