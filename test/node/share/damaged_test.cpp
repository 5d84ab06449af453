// Files that have gone bad in the storage: whoever asks gets right bytes from elsewhere or an
// error, and others are given nothing wrong.
#include <fstream>

#include "node/share/fetch/listings.hpp"
#include "node/store/links_cache.hpp"
#include "test/node/share/loading.hpp"
#include "test/node/share/raw_peer.hpp"
#include "test/run.hpp"

using namespace kp2p;
using namespace kp2p::test;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace {

fs::path path_of(const FakeNode& node, const Sha1& file) {
    return Layout(node.store.root()).content(file);
}

void write(const fs::path& path, ByteView bytes) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << as_text(bytes);
}

Sha1 put(const FakeNode& node, const ByteVector& bytes) {
    const fs::path source = node.directory.path() / "source";
    write(source, bytes);
    auto uri = node.store.put(source, {});
    REQUIRE(uri);
    fs::remove(source);
    return uri->sha1;
}

// As a disk does it: what is known of the file stays as it was.
void rot(const FakeNode& node, const Sha1& file, std::uint64_t at) {
    const fs::path path = path_of(node, file);
    const fs::path cache = Layout(node.store.root()).links_cache(file);
    const auto known = load_links(cache, node.store.find(file)->stamp);
    REQUIRE(known);
    REQUIRE_FALSE(known->sums.empty());
    std::fstream(path, std::ios::in | std::ios::out | std::ios::binary)
        .seekp(static_cast<std::streamoff>(at))
        .put('!');
    const auto stamp = File::open(path, File::Mode::read)->stamp();
    save_links(cache, *stamp, *known);
}

std::size_t set_aside(const FakeNode& node) {
    std::error_code none;
    const fs::directory_iterator all(Layout(node.store.root()).damaged(), none);
    return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

std::size_t times_said(const FakeNode& node, const std::string& words) {
    return static_cast<std::size_t>(std::count_if(
        node.log.begin(), node.log.end(),
        [&](const std::string& line) { return line.find(words) != std::string::npos; }));
}

Task<> cat_goes_on(FakeNetwork& network) {
    auto nodes = co_await members(network, 2);
    const ByteVector bytes = noise(5 * mib + 7);
    const Sha1 file = put(*nodes[0], bytes);
    put(*nodes[1], bytes);
    rot(*nodes[0], file, 3 * mib + 100);
    Got got;
    co_await cat(*nodes[0], uri_of(file), got);
    CAPTURE(got.diagnosis.text());
    CHECK(got.ended);
    CHECK(got.bytes == bytes);
    CHECK(set_aside(*nodes[0]) == 1);
    CHECK(times_said(*nodes[0], "set aside") == 1);
    CHECK(content(path_of(*nodes[0], file)) == bytes);
}

Task<> cat_ends(FakeNetwork& network) {
    auto nodes = co_await members(network, 1);
    const ByteVector bytes = noise(5 * mib);
    const Sha1 file = put(*nodes[0], bytes);
    rot(*nodes[0], file, 3 * mib + 100);
    Got got;
    co_await cat(*nodes[0], uri_of(file), got);
    CHECK(got.ended.error() == Errc::not_found);
    CHECK(std::ranges::equal(got.bytes, ByteView(bytes).first(3 * mib)));
    CHECK(set_aside(*nodes[0]) == 1);
}

struct Fault {
    const char* name;
    std::function<void(const fs::path&)> happens;
    bool harmless = false;
};

std::vector<Fault> faults() {
    return {
        {"cut short", [](const fs::path& path) { fs::resize_file(path, 1000); }},
        {"cut to whole chunks", [](const fs::path& path) { fs::resize_file(path, 2 * mib); }},
        {"longer", [](const fs::path& path) { fs::resize_file(path, 9 * mib); }},
        {"emptied", [](const fs::path& path) { fs::resize_file(path, 0); }},
        {"gone", [](const fs::path& path) { fs::remove(path); }},
        {"a directory",
         [](const fs::path& path) {
             fs::remove(path);
             fs::create_directories(path / "inner");
         }},
        {"another under its time",
         [](const fs::path& path) {
             const auto time = fs::last_write_time(path);
             const std::uint64_t size = fs::file_size(path);
             fs::remove(path);
             write(path, noise(size, 7));
             fs::last_write_time(path, time);
         }},
        {"touched",
         [](const fs::path& path) { fs::last_write_time(path, fs::last_write_time(path) + 1h); },
         true},
        {"restored",
         [](const fs::path& path) {
             const auto time = fs::last_write_time(path);
             const ByteVector bytes = content(path);
             fs::remove(path);
             write(path, bytes);
             fs::last_write_time(path, time);
         },
         true},
    };
}

Task<> each_fault(FakeNetwork& network) {
    auto nodes = co_await members(network, 2);
    std::uint32_t seed = 1;
    for (const std::uint64_t size : {std::uint64_t{5000}, 3 * mib + 9}) {
        for (const Fault& fault : faults()) {
            CAPTURE(size);
            CAPTURE(std::string(fault.name));
            const ByteVector bytes = noise(size, ++seed);
            const Sha1 file = put(*nodes[0], bytes);
            fault.happens(path_of(*nodes[0], file));

            Diagnosis why;
            std::vector<std::uint64_t> sizes;
            auto found = co_await nodes[1]->share.find(
                uri_of(file), [&](const FoundProvider& p) { sizes.push_back(p.size_bytes); }, why);
            if (fault.harmless)
                CHECK(sizes == std::vector<std::uint64_t>{size});
            else
                CHECK(found.error() == Errc::not_found);

            if (!fault.harmless) {  // nobody else has it yet
                Got got;
                co_await cat(*nodes[0], uri_of(file), got);
                CHECK(got.ended.error() == Errc::not_found);
                CHECK(got.bytes.empty());
                put(*nodes[1], bytes);
            }
            auto path = co_await nodes[0]->share.load(uri_of(file), ProgressSink(), why);
            CAPTURE(why.text());
            REQUIRE(path);
            CHECK(content(*path) == bytes);
            Got got;
            co_await cat(*nodes[0], uri_of(file), got);
            CHECK(got.ended);
            CHECK(got.bytes == bytes);
        }
    }
}

Task<> wrong_links(FakeNetwork& network) {
    auto nodes = co_await members(network, 1);
    const ByteVector bytes = noise(4 * mib);
    const Sha1 file = put(*nodes[0], bytes);
    const KnownLinks wrong{std::vector<Sha1Link>(4, proto::first_link()), {}};
    auto found = nodes[0]->store.find(file);
    save_links(Layout(nodes[0]->store.root()).links_cache(file), found->stamp, wrong);
    Got got;
    co_await cat(*nodes[0], uri_of(file), got);
    CHECK(got.ended);
    CHECK(got.bytes == bytes);
    CHECK(set_aside(*nodes[0]) == 0);
    CHECK(nodes[0]->log.empty());
}

// A neighbour is given what is right, and nothing of what is wrong.
Task<> given(FakeNetwork& network) {
    auto nodes = co_await members(network, 2);
    const ByteVector bytes = noise(6 * mib);
    const Sha1 file = put(*nodes[0], bytes);
    rot(*nodes[0], file, 2 * mib);
    Diagnosis why;
    auto failed = co_await nodes[1]->share.load(uri_of(file), ProgressSink(), why);
    CHECK(failed.error() == Errc::timed_out);  // what came before it is kept
    CHECK(!logged(*nodes[1], nodes[0]->id));   // is not to blame
    while (set_aside(*nodes[0]) == 0) {
        auto slept = co_await network.clock.sleep_for(1ms);
        REQUIRE(slept);
    }
    CHECK(times_said(*nodes[0], "set aside") == 1);
    auto found = co_await nodes[1]->share.find(
        uri_of(file), [](const FoundProvider&) {}, why);
    CHECK(found.error() == Errc::not_found);
    put(*nodes[0], bytes);
    auto path = co_await nodes[1]->share.load(uri_of(file), ProgressSink(), why);
    REQUIRE(path);
    CHECK(content(*path) == bytes);
}

Task<> documents(FakeNetwork& network) {
    auto nodes = co_await members(network, 2);
    proto::Sha1Dir tree;
    // Its listing has several chunks, so that a stamp may vouch for it.
    for (int i = 0; i < 15'000; ++i)
        tree.files.emplace(std::string(100, 'n') + std::to_string(i), proto::Sha1Dir::File());
    auto stored = nodes[0]->store.put_bytes(as_bytes(tree.text()));
    REQUIRE(stored);
    proto::Uri uri;
    uri.kind = proto::Uri::Kind::directory;
    uri.sha1 = *stored;
    Diagnosis why;
    auto loaded = co_await nodes[1]->share.list(uri, why);
    CAPTURE(why.text());
    REQUIRE(loaded);
    rot(*nodes[1], uri.sha1, mib + 5);
    auto slept = co_await network.clock.sleep_for(Listings::lifetime + std::chrono::seconds(1));
    REQUIRE(slept);
    auto listed = co_await nodes[1]->share.list(uri, why);
    REQUIRE(listed);
    CHECK(listed->size() == 15'000);
    CHECK(set_aside(*nodes[1]) == 1);
    CHECK(times_said(*nodes[1], "set aside") == 1);
}

Task<> touched_link(FakeNetwork& network) {
    auto nodes = co_await members(network, 2);
    const fs::path path = nodes[0]->directory.path() / "linked";
    write(path, noise(100));
    PutOptions linking;
    linking.content = PutOptions::Content::link;
    auto uri = nodes[0]->store.put(path, linking);
    REQUIRE(uri);
    fs::last_write_time(path, fs::last_write_time(path) + 1h);
    for (int i = 0; i < 2; ++i) {
        Diagnosis why;
        auto found = co_await nodes[1]->share.find(
            *uri, [](const FoundProvider&) {}, why);
        CHECK(found.error() == Errc::not_found);
        Diagnosis own;
        auto loaded = co_await nodes[0]->share.load(*uri, ProgressSink(), own);
        CHECK(loaded.error() == Errc::not_found);
        CHECK(own.text().find(path.native() + " has changed since") != std::string::npos);
    }
    CHECK(times_said(*nodes[0], path.native()) == 1);
}

}  // namespace

TEST_CASE("cat goes on from others where the file that is here has rotted") {
    test::in_network(cat_goes_on);
}
TEST_CASE("cat ends with an error where nobody else has what has rotted") {
    test::in_network(cat_ends);
}
TEST_CASE("whatever happens to a stored file, its size is not announced and its bytes not given") {
    test::in_network(each_fault);
}
TEST_CASE("wrong links do not condemn a file") { test::in_network(wrong_links); }
TEST_CASE("a neighbour gets nothing of a file that has rotted") { test::in_network(given); }
TEST_CASE("a listing that has rotted is fetched again") { test::in_network(documents); }
TEST_CASE("a link that does not hold any more is said once") { test::in_network(touched_link); }
