// The storage on a disk that loses its power, fails or is full at any one call: what was said to be
// stored is there, and nothing else ever is under its hash.
#include <doctest/doctest.h>

#include <cerrno>

#include "node/store/put/upload.hpp"
#include "node/store/store.hpp"
#include "proto/file/links.hpp"
#include "test/sim/disk.hpp"

using namespace kp2p;
using namespace kp2p::test;

namespace {

const std::filesystem::path root = "/sim/store";

ByteVector bytes_of(std::size_t size) {
    ByteVector bytes(size);
    for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::uint8_t>(i * i >> 7 | 1);
    return bytes;
}

bool is_change(std::string_view call) {
    return call != "open" && call != "read" && call != "status" && call != "list";
}

// A way to get a file into the storage.
using Way = Result<Sha1> (*)(const Store&, const ByteVector&);

Result<Sha1> put(const Store& store, const ByteVector& bytes) { return store.put_bytes(bytes); }

Result<Sha1> upload(const Store& store, const ByteVector& bytes) {
    auto begun = store.begin_upload(PutOptions::Manifest::if_large, 0);
    if (!begun) return begun.error();
    if (auto done = (*begun)->add(bytes); !done) return done.error();
    auto ended = (*begun)->finish();
    if (!ended) return ended.error();
    return ended->sha1;
}

// With others, at the price of one flush.
Result<Sha1> put_loaded(const Store& store, const ByteVector& bytes) {
    const std::vector<ByteVector> others{bytes_of(100), bytes_of(200), bytes_of(300)};
    std::vector<Store::Loaded> files;
    for (const ByteVector* each : {&others[0], &others[1], &bytes, &others[2]})
        files.push_back({proto::sha1_of(*each), *each});
    for (const auto& each : store.put_loaded(files))
        if (!each) return each.error();
    return files[2].sha1;
}

Result<Sha1> download(const Store& store, const ByteVector& bytes) {
    proto::LinkHasher hasher;
    hasher.update(bytes);
    const Sha1 sha1 = hasher.finish();
    const auto& links = hasher.links();
    auto partial = store.open_partial(sha1, bytes.size());
    if (!partial) return partial.error();
    while (!(*partial)->ready())
        if (auto done = (*partial)->prepare(); !done) return done.error();
    for (std::size_t i = 0; i < links.size(); ++i) {
        const proto::StoredChunk chunk{i, links[i],
                                       i + 1 < links.size() ? links[i + 1] : Sha1Link()};
        const auto size = proto::chunk_size_bytes(bytes.size(), i);
        auto written =
            (*partial)->write(chunk, ByteView(bytes).subspan(i * proto::chunk_bytes, size));
        if (!written) return written.error();
    }
    auto path = (*partial)->commit();
    if (!path) return path.error();
    return sha1;
}

struct Row {
    const char* name;
    Way way;
    ByteVector bytes;
};
const Row rows[] = {
    {"put", put, bytes_of(3000)},
    {"put loaded", put_loaded, bytes_of(3000)},
    {"upload", upload, bytes_of(70'000)},
    {"download", download, bytes_of(2 * proto::chunk_bytes + 5000)},
};

// A disk on which the change with this number, from 0, goes wrong; then it tells.
struct World {
    explicit World(std::uint64_t seed) : disk(clock, seed) { disk.make(root); }
    void at_change(std::size_t number, std::function<int()> happen) {
        disk.fault = [this, number, happen](std::string_view call, const std::filesystem::path&) {
            if (!is_change(call) || changes++ != number) return 0;
            happened = true;
            return happen();
        };
    }

    SimClock clock;
    SimDisk disk;
    DiskInstead in_use{disk};
    std::size_t changes = 0;
    bool happened = false;
};

void check_found(const Store& store, const ByteVector& bytes, bool must_be) {
    const Sha1 sha1 = proto::sha1_of(bytes);
    const auto found = store.find(sha1);
    if (must_be) CHECK(found);
    if (!found) return;
    auto read = store.read(sha1, bytes.size());
    REQUIRE(read);
    CHECK(*read == bytes);
}

}  // namespace

TEST_CASE("whenever the power goes, what was stored is there, and nothing half is") {
    for (const Row& row : rows) {
        CAPTURE(std::string(row.name));
        bool again = true;
        std::size_t acknowledged = 0;
        for (std::size_t number = 0; again; ++number) {
            CAPTURE(number);
            for (std::uint64_t seed = 1; seed <= 4; ++seed) {
                CAPTURE(seed);
                World world(seed);
                {
                    auto store = Store::open(root);
                    REQUIRE(store);
                    world.at_change(number, [&] { return world.disk.stop(root), 0; });
                    const auto stored = row.way(*store, row.bytes);
                    again = world.happened;
                    world.disk.fault = nullptr;
                    world.disk.stop(root);
                    world.disk.lose_unflushed(root);
                    world.disk.go_on(root);
                    auto next = Store::open(root);
                    REQUIRE(next);
                    acknowledged += bool(stored);
                    check_found(*next, row.bytes, bool(stored));
                    REQUIRE(row.way(*next, row.bytes));
                    check_found(*next, row.bytes, true);
                }
            }
        }
        CHECK(acknowledged >= 4);  // when nothing happened, at least
    }
}

TEST_CASE("whichever call fails, it is an error of the storage or costs nothing") {
    for (const Row& row : rows) {
        CAPTURE(std::string(row.name));
        for (const int error : {EIO, ENOSPC}) {
            CAPTURE(error);
            bool again = true;
            for (std::size_t number = 0; again; ++number) {
                CAPTURE(number);
                World world(1);
                auto store = Store::open(root);
                REQUIRE(store);
                world.at_change(number, [error] { return error; });
                const auto stored = row.way(*store, row.bytes);
                again = world.happened;
                world.disk.fault = nullptr;
                if (!stored) CHECK(is_storage_error(stored.error()));
                check_found(*store, row.bytes, bool(stored));
                REQUIRE(row.way(*store, row.bytes));
                check_found(*store, row.bytes, true);
            }
        }
    }
}

TEST_CASE("a disk that is too small says so, and is no fuller behind that") {
    for (const Row& row : rows) {
        CAPTURE(std::string(row.name));
        World world(1);
        auto store = Store::open(root);
        REQUIRE(store);
        world.disk.limit(root, row.bytes.size() / 2);
        CHECK(row.way(*store, row.bytes).error() == Errc::out_of_space);
        check_found(*store, row.bytes, false);
        CHECK(store->partial_usage().bytes <= row.bytes.size() / 2);
        world.disk.limit(root, 100 * row.bytes.size());
        CHECK(row.way(*store, row.bytes));
        check_found(*store, row.bytes, true);
    }
}
