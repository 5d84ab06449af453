#include <doctest/doctest.h>

#include "proto/transfer/have_bits.hpp"
#include "test/proto/transfer/download_sim.hpp"

using namespace kp2p;
using namespace kp2p::proto;
using namespace kp2p::test;

namespace {

constexpr std::uint64_t mib = chunk_bytes;

const SimFile& file_of(std::uint64_t size_bytes) {
    static std::map<std::uint64_t, SimFile> files;
    return files.try_emplace(size_bytes, size_bytes, 1).first->second;
}

std::size_t chunks_of(const SimFile& file) { return file.links.size(); }

}  // namespace

TEST_CASE("a file of any size comes whole from one provider") {
    for (std::uint64_t size :
         {std::uint64_t{1}, std::uint64_t{63}, std::uint64_t{64}, std::uint64_t{65}, mib - 1, mib,
          mib + 1, 2 * mib, 5 * mib + 7, 40 * mib}) {
        CAPTURE(size);
        const SimFile& file = file_of(size);
        DownloadSim sim(file, {{}}, 1);
        sim.run();
        CHECK(sim.download.complete());
        CHECK(sim.right());
        CHECK(sim.kept.size() == chunks_of(file));
        CHECK(sim.providers.asked == chunks_of(file));
        CHECK(sim.dropped.empty());
        CHECK(sim.download.verified_bytes() == size);
    }
}

TEST_CASE("the last chunk comes once where it comes unasked") {
    for (const std::uint64_t size : {std::uint64_t{1}, mib, mib + 1, 5 * mib + 7}) {
        CAPTURE(size);
        const SimFile& file = file_of(size);
        DownloadSim sim(file, {{.last_follows = true}}, 1);
        sim.run();
        CHECK(sim.download.complete());
        CHECK(sim.right());
        CHECK(sim.providers.asked == chunks_of(file));  // what came unasked counts too
        CHECK(sim.providers.given[1] == chunks_of(file));
    }
}

TEST_CASE("a last chunk that comes unasked from a second provider is called off") {
    const SimFile& file = file_of(5 * mib + 7);
    Download download(file.sha1);
    download.add_source({}, 1, {file.bytes.size(), std::nullopt});
    CHECK(std::holds_alternative<Download::AskChunk>(download.take_events().at(0)));
    download.add_source({}, 2, {file.bytes.size(), std::nullopt, false, true});
    const auto events = download.take_events();
    REQUIRE(events.size() == 1);
    CHECK(std::get<Download::CallOff>(events[0]).source == 2);
    CHECK(std::get<Download::CallOff>(events[0]).index == 5);
    for (const double joins_s : {0.0, 0.005, 0.02, 0.06}) {
        CAPTURE(joins_s);
        DownloadSim sim(file, {{}, {.joins_s = joins_s, .last_follows = true}}, 1);
        sim.run();
        CHECK(sim.download.complete());
        CHECK(sim.right());
        CHECK(sim.dropped.empty());
        CHECK(sim.providers.given[1] + sim.providers.given[2] <= chunks_of(file) + 1);
    }
}

TEST_CASE("who promises the last chunk and has it not, or gives none, is no obstacle") {
    const SimFile& file = file_of(5 * mib + 7);
    for (const Lie lie : {Lie::none, Lie::silence, Lie::byte}) {
        CAPTURE(lie);
        SimProvider promises{lie, 5};
        promises.last_follows = true;
        if (lie == Lie::none) promises.have = ByteVector{0x1f};
        SimProvider honest;
        honest.joins_s = 0.01;
        DownloadSim sim(file, {promises, honest}, 1);
        sim.run();
        CHECK(sim.download.complete());
        CHECK(sim.right());
        CHECK(sim.dropped.contains(1) == (lie != Lie::silence));
        CHECK(sim.providers.seconds() < 3);
    }
}

TEST_CASE("who sends the promised chunk twice is dropped") {
    const SimFile& file = file_of(65);
    Download download(file.sha1);
    const Download::Time now{};
    download.add_source(now, 1, {file.bytes.size(), std::nullopt, false, true});
    const auto give = [&] {
        ByteVector payload = file.bytes;
        const Data data{1, 0, 0, BlockEncoding::plain, first_link(), payload};
        download.receive(now, 1, data, std::move(payload));
        return download.take_events();
    };
    const auto once = give();
    REQUIRE(once.size() == 1);
    CHECK(std::holds_alternative<Download::CheckChunk>(once[0]));
    const auto twice = give();
    REQUIRE(twice.size() == 1);
    CHECK(std::get<Download::DropSource>(twice[0]).fault == Fault::bad_message);
}

TEST_CASE("a liar alone is named and nothing of its lie is kept") {
    struct Row {
        const char* name;
        SimProvider liar;
        Fault fault;
    };
    const Row rows[] = {
        {"byte in the last chunk", {Lie::byte, 5}, Fault::wrong_chunk},
        {"byte in the middle", {Lie::byte, 3}, Fault::wrong_chunk},
        {"byte in the first chunk", {Lie::byte, 0}, Fault::wrong_chunk},
        {"link of the last chunk", {Lie::link, 5}, Fault::wrong_chunk},
        {"link in the middle", {Lie::link, 2}, Fault::wrong_chunk},
        {"link of the first chunk", {Lie::link, 0}, Fault::wrong_chunk},
        {"size above", {Lie::size, 0}, Fault::wrong_chunk},
        {"size below", {Lie::size_less, 0}, Fault::wrong_chunk},
        {"size zero", {Lie::no_size, 0}, Fault::wrong_size},
        {"wrong offset", {Lie::offset, 4}, Fault::bad_message},
        {"short blocks", {Lie::short_block, 0}, Fault::bad_message},
        {"broken frames", {Lie::frame, 0}, Fault::wrong_chunk},
        {"unasked chunks", {Lie::unasked, 0}, Fault::bad_message},
        {"bitfield of a wrong length", {Lie::bad_have, 0}, Fault::bad_message},
    };
    const SimFile& file = file_of(5 * mib + 7);
    for (const bool last_follows : {false, true})
        for (Row row : rows) {
            CAPTURE(std::string(row.name));
            CAPTURE(last_follows);
            row.liar.last_follows = last_follows;
            DownloadSim sim(file, {row.liar}, 1);
            sim.run();
            CHECK(!sim.download.complete());
            CHECK(sim.download.idle());
            CHECK(sim.right());
            REQUIRE(sim.dropped.contains(1));
            CHECK(sim.dropped.at(1) == row.fault);

            for (std::uint32_t seed = 1; seed <= 4; ++seed) {
                CAPTURE(seed);
                SimProvider honest;
                honest.joins_s = seed % 2 ? 0 : 0.01;
                DownloadSim beside(file, {row.liar, honest}, seed);
                beside.run();
                CHECK(beside.download.complete());
                CHECK(beside.right());
                CHECK(!beside.dropped.contains(2));
                CHECK(beside.providers.seconds() < 15);
            }
        }
}

TEST_CASE("who stops sending is let go of without blame, and what it gave is kept") {
    const SimFile& file = file_of(5 * mib + 7);
    for (const SimProvider& row : {SimProvider{Lie::stall, 3}, SimProvider{Lie::silence}}) {
        CAPTURE(static_cast<int>(row.lie));
        DownloadSim sim(file, {row}, 1);
        sim.run();
        CHECK(!sim.download.complete());
        CHECK(sim.download.idle());
        CHECK(sim.dropped.empty());
        CHECK(sim.stalled == std::set<SourceKey>{1});
        CHECK(sim.kept.size() == (row.lie == Lie::stall ? 2 : 0));

        DownloadSim beside(file, {row, {}}, 1);
        beside.run();
        CHECK(beside.download.complete());
        CHECK(beside.dropped.empty());
        CHECK(beside.providers.seconds() < 25);
    }
}

TEST_CASE("a provider that was silent goes on, and nothing that it gave is fetched again") {
    const SimFile& file = file_of(40 * mib);
    for (double back_s : {5.0, 15.0, 30.0, 300.0}) {
        CAPTURE(back_s);
        SimProvider paused;
        paused.silent_s = 0.3;
        paused.back_s = back_s;
        DownloadSim sim(file, {paused}, 1);
        sim.run();
        CHECK(sim.download.complete());
        CHECK(sim.right());
        CHECK(sim.dropped.empty());
        CHECK(sim.stalled.empty() == (back_s < 20));
        CHECK(sim.providers.seconds() < back_s + 25);
        std::uint64_t given = 0;
        for (const auto& [key, chunks] : sim.providers.given) given += chunks;
        CHECK(given <= chunks_of(file) + 1);
    }
}

TEST_CASE("a link of 64 kbit a second is not taken for silence") {
    const SimFile& file = file_of(2 * mib);
    SimProvider slow;
    slow.bytes_per_second = 8000;
    DownloadSim sim(file, {slow}, 1);
    sim.run();
    CHECK(sim.download.complete());
    CHECK(sim.stalled.empty());
}

TEST_CASE("who gives something else meanwhile is not silent") {
    const SimFile& file = file_of(mib);
    Download download(file.sha1);
    Download::Time now{};
    download.add_source(now, 1, {mib, {}});
    for (int i = 0; i < 10; ++i) {
        now += Download::stall_span / 2;
        download.heard(1, now);
        download.expire(now);
    }
    CHECK(download.giving() == 1);
    download.expire(now + Download::stall_span);
    CHECK(download.giving() == 0);
    CHECK(std::get_if<Download::SourceStalled>(&download.take_events().back()));
}

TEST_CASE("honest providers prevail among liars of all kinds, whatever the order") {
    const SimFile& file = file_of(12 * mib + 100);
    for (std::uint32_t seed = 1; seed <= 40; ++seed) {
        CAPTURE(seed);
        std::mt19937 generator(seed);
        const auto random = [&] { return static_cast<int>(generator() >> 8); };
        std::vector<SimProvider> providers;
        const int honest = random() % 6 + 1;
        for (int i = 1; i <= 6; ++i) {
            SimProvider provider;
            provider.bytes_per_second = std::pow(10.0, 5.5 + random() % 300 / 100.0);
            provider.joins_s = random() % 100 / 1000.0;
            provider.at = static_cast<std::uint64_t>(random() % 13);
            if (i != honest && random() % 3) provider.lie = static_cast<Lie>(random() % 13);
            if (i != honest && provider.lie == Lie::none && random() % 2) {
                provider.have = ByteVector{static_cast<std::uint8_t>(random()),
                                           static_cast<std::uint8_t>(random() & 31)};
            }
            const bool has_last = !provider.have || has_chunk(*provider.have, 12);
            provider.last_follows = has_last && random() % 2;
            if (i != honest && random() % 4 == 0) provider.leaves_s = random() % 500 / 1000.0;
            providers.push_back(provider);
        }
        DownloadSim sim(file, providers, seed);
        sim.run();
        CHECK(sim.download.complete());
        CHECK(sim.right());
        CHECK(sim.kept.size() == chunks_of(file));
        CHECK(sim.providers.most_asked <= Download::max_window + 6);
        for (const auto& [key, fault] : sim.dropped) CHECK(providers[key - 1].lie != Lie::none);
    }
}

TEST_CASE("two equal providers share the work") {
    for (std::uint32_t seed = 1; seed <= 4; ++seed) {
        const SimFile& file = file_of(40 * mib);
        SimProvider second;
        second.joins_s = 0.02;
        DownloadSim sim(file, {{}, second}, seed);
        sim.run();
        CHECK(sim.download.complete());
        CHECK(sim.providers.given[1] >= 10);
        CHECK(sim.providers.given[2] >= 10);
    }
}

TEST_CASE("two equal providers share the work where keeping it is what takes long") {
    for (std::uint32_t seed = 1; seed <= 4; ++seed) {
        const SimFile& file = file_of(120 * mib);
        SimProvider first, second;
        first.bytes_per_second = second.bytes_per_second = 2e9;
        second.joins_s = 0.02;
        DownloadSim sim(file, {first, second}, seed);
        sim.keeping_s = 0.2;
        sim.run();
        CHECK(sim.download.complete());
        CHECK(sim.providers.given[1] >= 45);
        CHECK(sim.providers.given[2] >= 45);
    }
}

TEST_CASE("a slow provider loses its chunks to a fast one") {
    const SimFile& file = file_of(40 * mib);
    SimProvider slow, fast;
    slow.bytes_per_second = 0.2e6;
    fast.bytes_per_second = 100e6;
    DownloadSim sim(file, {slow, fast}, 1);
    sim.run();
    CHECK(sim.download.complete());
    CHECK(sim.providers.seconds() < 3);  // the slow one alone needs more for one chunk
    CHECK(sim.dropped.empty());
}

TEST_CASE("either of two providers may leave midway") {
    const SimFile& file = file_of(40 * mib);
    for (int leaver : {0, 1}) {
        std::vector<SimProvider> providers(2);
        providers[static_cast<std::size_t>(leaver)].leaves_s = 0.2;
        DownloadSim sim(file, providers, 1);
        sim.run();
        CHECK(sim.download.complete());
        CHECK(sim.right());
        CHECK(sim.dropped.empty());
    }
}

TEST_CASE("partial providers complete one another") {
    const SimFile& file = file_of(12 * mib + 100);
    SimProvider high, low;
    high.have = ByteVector{0x00, 0x1f};
    low.have = ByteVector{0xff, 0x01};
    low.joins_s = 1;
    DownloadSim sim(file, {high, low}, 1);
    sim.run();
    CHECK(sim.download.complete());
    CHECK(sim.right());
}

// What nobody else has is asked of the only one who has it, though all that is known of the other
// is that it gives faster and may be getting the file, too.
TEST_CASE("who has a part of the file and gets no more of it holds nobody up") {
    constexpr double slowest = 50e3;
    const SimFile& file = file_of(8 * mib);
    SimProvider whole, part;
    whole.bytes_per_second = slowest;
    part.bytes_per_second = 100e6;
    part.have = ByteVector{0xf0};
    for (std::uint64_t own = 1; own <= 8; ++own) {
        CAPTURE(own);
        DownloadSim sim(file, {whole, part}, 1);
        sim.download.set_own_node(own);
        sim.run();
        CHECK(sim.download.complete());
        CHECK(sim.providers.seconds() < 4 * mib / slowest + 35);
    }
}

TEST_CASE("nothing that was kept is fetched again") {
    const SimFile& file = file_of(12 * mib + 100);
    struct Row {
        const char* name;
        std::set<std::uint64_t> kept;
    };
    const Row rows[] = {
        {"only the size", {}},
        {"the last", {12}},
        {"the upper half", {12, 11, 10, 9, 8, 7}},
        {"a hole", {12, 11, 9, 8, 7}},
        {"no last", {11, 10, 9}},
        {"the lowest alone", {0}},
        {"all but the first", {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}},
        {"all", {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}},
    };
    for (const Row& row : rows) {
        CAPTURE(std::string(row.name));
        DownloadSim sim(file, {{}}, 1);
        sim.resume(row.kept);
        sim.run();
        CHECK(sim.download.complete());
        CHECK(sim.right());
        CHECK(sim.providers.asked == chunks_of(file) - row.kept.size());
    }
}

TEST_CASE("a liar wastes no more than the first window") {
    const SimFile& file = file_of(40 * mib);
    DownloadSim sim(file, {{Lie::byte, 38}}, 1);
    sim.run();
    CHECK(!sim.download.complete());
    CHECK(sim.providers.asked <= 1 + Download::first_window + 1);
    CHECK(sim.kept.size() == 1);
}

TEST_CASE("a claim of a huge size costs two chunks") {
    Download download(file_of(mib).sha1);
    download.add_source({}, 1, {max_file_bytes, {}});
    std::size_t asked = 0;
    for (const auto& event : download.take_events()) asked += event.index() == 0;
    CHECK(asked == 2);
    download.add_source({}, 2, {max_file_bytes + 1, {}});
    const auto events = download.take_events();
    REQUIRE(events.size() == 1);
    CHECK(std::get<Download::DropSource>(events[0]).fault == Fault::wrong_size);
}
