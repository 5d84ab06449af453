#include <doctest/doctest.h>
#include <fstream>
#include <set>

#include "node/share/fetch/listings.hpp"
#include "proto/file/sha1.hpp"
#include "test/node/share/loading.hpp"

using namespace kp2p;
using namespace kp2p::test;

namespace {

// Counts how often a file is read.
class ReadDisk final : public Disk {
  public:
    explicit ReadDisk(Path path) : path_(std::move(path)) {}
    int reads() const { return reads_; }

  private:
    int open(const Path& path, int flags, unsigned rights) override {
        const int fd = Disk::open(path, flags, rights);
        if (path == path_ && fd >= 0) open_.insert(fd);
        return fd;
    }
    int close(int fd) override {
        open_.erase(fd);
        return Disk::close(fd);
    }
    ssize_t read(int fd, std::span<std::uint8_t> into, std::uint64_t offset) override {
        reads_ += open_.contains(fd);
        return Disk::read(fd, into, offset);
    }
    Path path_;
    std::set<int> open_;
    int reads_ = 0;
};

Task<> one_by_one(FakeNetwork& network) {
    auto nodes = co_await members(network, 2);
    TempDir source(TempDir::Medium::memory);
    for (const char* name : {"a", "b", "c", "d"}) std::ofstream(source.path() / name) << name;
    const auto uri = nodes[0]->store.put(source.path(), {});
    REQUIRE(uri);
    FakeNode& loader = *nodes[1];
    const Layout layout(loader.store.root());
    ReadDisk disk(layout.content(uri->sha1));
    const DiskInstead instead(disk);
    Diagnosis diagnosis;
    auto load = [&](const char* name) -> Task<> {
        auto file = *uri;
        file.path = name;
        auto path = co_await loader.share.load(file, ProgressSink(), diagnosis);
        REQUIRE(path);
        CHECK(as_text(content(*path)) == name);
    };
    co_await load("a");
    const int once = disk.reads();
    CHECK(once > 0);
    co_await load("b");
    CHECK(disk.reads() == once);

    // It is there for others, whoever has removed it.
    std::filesystem::remove(layout.content(uri->sha1));
    co_await load("c");
    CHECK(loader.store.find(uri->sha1));

    const int before = disk.reads();
    auto slept = co_await network.clock.sleep_for(Listings::lifetime + std::chrono::seconds(1));
    REQUIRE(slept);
    co_await load("d");
    CHECK(disk.reads() > before);
}

}  // namespace

TEST_CASE("files of one directory are loaded with its listing read once, and kept for a while") {
    test::in_network(one_by_one);
}

TEST_CASE("the latest listings are kept, as far as there is room") {
    Sim sim(1);
    Listings listings(sim.runtime());
    const auto nth = [](std::uint8_t number) { return proto::sha1_of(ByteView(&number, 1)); };
    const auto kept = [&](std::uint8_t number) { return bool(listings.find(nth(number))); };
    const auto keep = [&](std::uint8_t number, std::size_t bytes) {
        auto listing = std::make_shared<Listing>();
        listing->document = nth(number);
        listing->document_bytes = bytes;
        listings.keep(listing);
    };
    keep(1, Listings::max_bytes / 2);
    keep(2, Listings::max_bytes / 2);
    CHECK(kept(2));
    CHECK(kept(1));
    keep(3, Listings::max_bytes / 2);
    CHECK(kept(1));  // was used later
    CHECK(!kept(2));
    keep(4, Listings::max_bytes + 1);
    CHECK(!kept(4));
}
