#include <doctest/doctest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <stop_token>
#include <thread>

#include "node/store/store.hpp"
#include "node/store/store_errc.hpp"
#include "test/node/store/storage.hpp"
#include "test/proto/file/content.hpp"

using namespace kp2p;
using namespace kp2p::test;
namespace fs = std::filesystem;

namespace {

struct Tree : Storage {
    fs::path tree = directory.path() / "my data";

    Tree() { fs::create_directories(tree); }
    proto::Sha1Dir listing(const proto::Uri& uri) const {
        auto json = store.read(uri.sha1, proto::max_sha1dir_bytes);
        REQUIRE(json);
        auto dir = proto::Sha1Dir::parse(as_text(*json));
        REQUIRE(dir);
        return *dir;
    }
};

class CountingDisk final : public Disk {
  public:
    int flush(int fd) override {
        ++flushes_;
        return Disk::flush(fd);
    }
    int flush_file_system(int) override { return 0; }  // which not every system tells
    int count() const { return flushes_; }

  private:
    int flushes_ = 0;
};

}  // namespace

TEST_CASE("files that are there already are flushed together, as new ones are") {
    const Tree f;
    for (int i = 0; i < 20; ++i) write_file(f.tree / std::to_string(i), std::to_string(i));
    REQUIRE(f.store.put(f.tree, {}));
    CountingDisk counting;
    const DiskInstead instead(counting);
    REQUIRE(f.store.put(f.tree, {}));
    CHECK(counting.count() < 5);
}

TEST_CASE("a directory goes into the storage, and its listing names all of it") {
    const Tree f;
    write_file(f.tree / "a b.txt", "one");
    write_file(f.tree / "文件 é.bin", content(300'000));
    write_file(f.tree / "sub" / "deeper" / "zero", "");
    fs::create_directories(f.tree / "empty");
    auto uri = f.store.put(f.tree, {});
    REQUIRE(uri);
    CHECK(uri->text() == "sha1dir://" + uri->sha1.hex() + ".my%20data");
    const proto::Sha1Dir dir = f.listing(*uri);
    CHECK(dir.find("a b.txt").file->size_bytes == 3);
    CHECK(dir.find("empty").dir);

    for (const std::string& name : files_below(f.tree)) {
        const auto found = dir.find(name);
        REQUIRE(found.file);
        CHECK(as_text(*f.store.read(found.file->sha1, 300'000)) == read_file(f.tree / name));
    }
    CHECK(f.store.put(f.tree / "", {})->sha1 == uri->sha1);
}

TEST_CASE("what cannot be part of a directory is left out with a remark, and the rest goes on") {
    const Tree f;
    write_file(f.directory.path() / "elsewhere" / "file", "secret");
    write_file(f.directory.path() / "my data too" / "file", "a neighbour whose name begins alike");
    write_file(f.tree / "sub" / "file", "text");
    fs::create_symlink("sub/file", f.tree / "to-file");
    fs::create_directory_symlink(fs::absolute(f.tree) / "sub", f.tree / "to-directory");
    const struct {
        const char* name;
        const char* target;
        const char* remark;
    } links[] = {{"out", "../elsewhere/file", ", outside"},
                 {"out-directory", "../elsewhere", ", outside"},
                 {"out-neighbour", "../my data too", ", outside"},
                 {"out-device", "/dev/null", ", outside"},
                 {"sub/up", "..", "a directory that it is in"},
                 {"self", "self", "cannot be followed"},
                 {"broken", "nowhere", "cannot be followed"}};
    for (const auto& link : links) fs::create_symlink(link.target, f.tree / link.name);
    write_file(f.tree / "a\xff", "x");
    REQUIRE(mkfifo((f.tree / "fifo").c_str(), 0600) == 0);

    std::vector<std::string> remarks;
    PutOptions options;
    options.remark = [&](const std::string& sentence) { remarks.push_back(sentence); };
    auto uri = f.store.put(f.tree, options);
    REQUIRE(uri);
    const proto::Sha1Dir dir = f.listing(*uri);
    CHECK(dir.find("to-file").file);
    CHECK(dir.find("to-directory/file").file);
    CHECK(dir.files.size() == 1);
    CHECK(dir.dirs.size() == 2);
    CHECK(dir.find("sub").dir->dirs.empty());
    const auto remarked = [&](const std::string& name, const std::string& why) {
        return std::any_of(remarks.begin(), remarks.end(), [&](const std::string& remark) {
            return remark.find(name + ": ") != remark.npos && remark.find(why) != remark.npos;
        });
    };
    for (const auto& link : links) {
        CAPTURE(link.name);
        CHECK(remarked(link.name, link.remark));
    }
    CHECK(remarked("a\xff", "no UTF-8"));
    CHECK(remarked("fifo", "neither"));
    // sub/up is met once more below to-directory.
    CHECK(remarks.size() == std::size(links) + 3);
}

TEST_CASE("neither the storage nor a node's keys are given to others with what they are in") {
    const Tree f;
    const fs::path home = f.directory.path(), config = home / ".kachery-p2p";
    write_file(f.tree / "file", "text");
    for (const char* name : {"key", "api-token", "channels"}) write_file(config / name, "secret");
    write_file(home / "half" / "key", "of something else");
    std::vector<std::string> remarks;
    PutOptions options;
    options.remark = [&](const std::string& sentence) { remarks.push_back(sentence); };
    auto uri = f.store.put(home, options);
    REQUIRE(uri);
    const proto::Sha1Dir dir = f.listing(*uri);
    CHECK(dir.find("my data/file").file);
    CHECK(dir.find("half/key").file);
    CHECK(!dir.find("storage").dir);
    CHECK(!dir.find(config.filename().native()).dir);
    std::ranges::sort(remarks);
    REQUIRE(remarks.size() == 2);
    CHECK(remarks[0].find(config.native() + ": it is the configuration directory") !=
          std::string::npos);
    CHECK(remarks[1] == "left out " + f.store.root().native() + ": it is the storage itself");
    CHECK(f.store.put(config, {}).error() == StoreErrc::secrets);
    CHECK(f.store.put(f.store.root(), {}).error() == StoreErrc::itself);
}

TEST_CASE("a directory that is named by a link is stored, and the name of the link is its own") {
    const Tree f;
    write_file(f.tree / "file", "text");
    fs::create_directory_symlink(f.tree, f.directory.path() / "link");
    auto uri = f.store.put(f.directory.path() / "link", {});
    REQUIRE(uri);
    CHECK(f.listing(*uri).find("file").file);
    CHECK(uri->label == "my data");
}

TEST_CASE("directories may be as deep as paths go, with few descriptors") {
    const Tree f;
    fs::path deep = f.tree;
    for (int i = 0; i < 900; ++i) deep /= "d";
    write_file(deep / "file", "text");
    rlimit before;
    REQUIRE(getrlimit(RLIMIT_NOFILE, &before) == 0);
    rlimit few = before;
    few.rlim_cur = 64;
    REQUIRE(setrlimit(RLIMIT_NOFILE, &few) == 0);
    auto uri = f.store.put(f.tree, {});
    REQUIRE(setrlimit(RLIMIT_NOFILE, &before) == 0);
    REQUIRE(uri);
    const proto::Sha1Dir dir = f.listing(*uri);
    std::string path;
    for (int i = 0; i < 900; ++i) path += "d/";
    CHECK(dir.find(path + "file").file);
}

TEST_CASE("what cannot be read is an error, and is to blame") {
    if (geteuid() == 0) return;  // root reads everything
    const Tree f;
    write_file(f.tree / "file", "text");
    fs::permissions(f.tree / "file", fs::perms::none);
    fs::path culprit;
    PutOptions options;
    options.blame = [&](const fs::path& path) { culprit = path; };
    CHECK(f.store.put(f.tree, options).error() == std::errc::permission_denied);
    CHECK(culprit == f.tree / "file");
}

TEST_CASE("what comes and goes while a directory is stored is left out, or is not") {
    const Tree f;
    write_file(f.tree / "stays", "text");
    std::vector<fs::path> guests;
    for (int i = 0; i < 20; ++i) guests.push_back(f.tree / std::to_string(i));
    const std::jthread comings([&](const std::stop_token& stop) {
        std::error_code ignored;
        while (!stop.stop_requested()) {
            for (const fs::path& guest : guests) fs::create_directory(guest, ignored);
            for (const fs::path& guest : guests) fs::remove(guest, ignored);
        }
    });
    for (int i = 0; i < 50; ++i) {
        auto uri = f.store.put(f.tree, {});
        REQUIRE(uri);
        CHECK(f.listing(*uri).find("stays").file);
    }
}

TEST_CASE("five hundred small files in one directory") {
    const Tree f;
    for (int i = 0; i < 500; ++i)
        write_file(f.tree / ("file " + std::to_string(i)), "content " + std::to_string(i));
    auto uri = f.store.put(f.tree, {});
    REQUIRE(uri);
    const proto::Sha1Dir dir = f.listing(*uri);
    CHECK(dir.files.size() == 500);
    CHECK(as_text(*f.store.read(dir.find("file 499").file->sha1, 100)) == "content 499");
}
