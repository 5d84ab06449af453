#include <fstream>
#include <random>

#include "test/node/share/fake_network.hpp"
#include "test/run.hpp"

using namespace kp2p;
using namespace kp2p::test;
using namespace std::chrono_literals;

namespace {

constexpr std::uint64_t mib = proto::chunk_bytes;

ByteVector noise(std::uint64_t size, std::uint32_t seed = 1) {
    std::mt19937_64 random(seed);
    ByteVector bytes(size);
    for (std::size_t i = 0; i < size; ++i)
        bytes[i] = static_cast<std::uint8_t>(i % 8 ? bytes[i - 1] + 13 : random());
    return bytes;
}

ByteVector content(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

proto::Uri uri_of(const Sha1& sha1) {
    proto::Uri uri;
    uri.sha1 = sha1;
    return uri;
}

ChannelName lab() { return *ChannelName::parse("our-lab"); }

// Runs `body` with a fresh network and ends all connections behind it.
template <class Body>
Task<> with_network(Body body) {
    auto executor = co_await asio::this_coro::executor;
    FakeNetwork network(executor);
    auto inner = [&](Tasks& links) -> Task<> {
        network.tasks = &links;
        co_await body(network);
        links.cancel();
    };
    auto ended = co_await with_tasks(inner);
    (void)ended;
}

Task<> one_file(FakeNetwork& network) {
    FakeNode& a = network.add();
    FakeNode& b = network.add();
    auto joined_a = co_await a.share.join(lab());
    auto joined_b = co_await b.share.join(lab());
    REQUIRE(joined_a);
    REQUIRE(joined_b);
    for (std::uint64_t size :
         {std::uint64_t{0}, std::uint64_t{1}, mib - 1, mib, mib + 1, 9 * mib + 77}) {
        CAPTURE(size);
        const ByteVector bytes = noise(size);
        auto sha1 = a.store.put_bytes(bytes);
        REQUIRE(sha1);
        Diagnosis diagnosis;
        auto path = co_await b.share.load(uri_of(*sha1), {}, diagnosis);
        CAPTURE(diagnosis.text());
        REQUIRE(path);
        CHECK(content(*path) == bytes);
    }
}

}  // namespace

TEST_CASE("files of all sizes come from one node to another") { test::run(with_network(one_file)); }
