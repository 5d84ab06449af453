// Small files that are asked for together, of nodes that give them so well, badly or not at all.
#include <fstream>

#include "node/share/fetch/small_files.hpp"
#include "proto/file/sha1.hpp"
#include "proto/transfer/block.hpp"
#include "test/node/share/loading.hpp"
#include "test/node/share/raw_peer.hpp"
#include "test/run.hpp"

using namespace kp2p;
using namespace kp2p::test;
using namespace std::chrono_literals;

namespace {

enum class Manner {
    well,
    as_before,
    wrong,
    twice,
    beyond,
    bad_frame,
    not_so,
    refuse,
    silent,
    wait
};

// One that gives files of a directory, alone as it should, and together in some manner.
struct SmallGiver {
    SmallGiver(FakeNetwork& network, Manner how) : manner(how), peer(network) {
        std::string listing;
        for (std::uint32_t i = 0; i < count; ++i) {
            const ByteVector bytes = i % 2 == 0 ? noise(100 + i, i) : prose(3000 + i, i);
            const Sha1 sha1 = proto::sha1_of(bytes);
            listing += (i == 0 ? "\"" : ",\"") + std::to_string(i) + R"(":{"size":)" +
                       std::to_string(bytes.size()) + R"(,"sha1":")" + sha1.hex() + "\"}";
            files.emplace(sha1, bytes);
        }
        directory = R"({"dirs":{},"files":{)" + listing + "}}";
    }

    Task<> answer_searches() {
        for (;;) {
            auto got = co_await peer.lookup()->receive();
            if (!got) co_return;
            auto message = proto::decode_lookup(got->type, got->payload);
            REQUIRE(message);
            const auto* m = std::get_if<proto::Seeking>(&*message);
            if (!m) continue;
            const proto::Providing answer{m->request, m->file, files.at(m->file).size(), peer.id(),
                                          true};
            co_await send(peer.lookup(), encode(answer));
        }
    }
    Task<> give(ChannelEnd transfer, Tasks& all) {
        for (;;) {
            auto got = co_await transfer->receive();
            if (!got) co_return;
            auto message = proto::decode_transfer(got->type, got->payload);
            REQUIRE(message);
            if (const auto* m = std::get_if<proto::Open>(&*message)) co_await open(transfer, *m);
            if (const auto* m = std::get_if<proto::Get>(&*message)) co_await data(transfer, *m);
            const auto* m = std::get_if<proto::GetFiles>(&*message);
            if (!m) continue;
            ++batches;
            all.spawn(batch(transfer, *m));
        }
    }
    Task<> open(ChannelEnd transfer, proto::Open wanted) {
        ++opens;
        opened[wanted.id] = wanted.file;
        const proto::Opened answer{wanted.id, files.at(wanted.file).size(), std::nullopt, false,
                                   false,     manner != Manner::as_before};
        co_await send(transfer, encode(answer));
    }
    Task<> data(ChannelEnd transfer, proto::Get wanted) {
        const proto::Data answer{wanted.id,
                                 0,
                                 0,
                                 proto::BlockEncoding::plain,
                                 proto::first_link(),
                                 files.at(opened.at(wanted.id))};
        co_await send(transfer, encode(answer));
    }
    Task<> batch(ChannelEnd transfer, proto::GetFiles wanted) {
        if (manner == Manner::silent) co_return;
        for (int i = 0; manner == Manner::wait && i < 3; ++i) {
            const proto::Preparing preparing{wanted.id};
            co_await send(transfer, encode(preparing));
            auto slept = co_await peer_clock->sleep_for(8s);
            if (!slept) co_return;
        }
        if (manner == Manner::refuse) {
            const proto::Refused refused{wanted.id, proto::RefusalCode::limit};
            co_await send(transfer, encode(refused));
            co_return;
        }
        std::vector<ByteView> views;
        for (const Sha1& file : wanted.files) views.push_back(files.at(file));
        const ByteVector other = noise(200, 9999);
        if (manner == Manner::wrong) views.assign(views.size(), ByteView(other));
        if (manner == Manner::not_so) views.assign(views.size(), ByteView());
        const std::uint64_t first = manner == Manner::beyond ? proto::max_files_at_once : 0;
        for (const proto::Block& block : proto::cut_files(wanted.id, first, views)) {
            ByteVector payload = block.payload();
            if (manner == Manner::bad_frame && !block.frame.empty()) payload.back() ^= 1;
            for (int i = 0; i < (manner == Manner::twice ? 2 : 1); ++i) {
                auto sent = co_await transfer->send(proto::file_type, payload);
                if (!sent) co_return;
            }
        }
    }

    static constexpr std::uint32_t count = 200;
    Manner manner;
    RawPeer peer;
    Clock* peer_clock = nullptr;
    std::map<Sha1, ByteVector> files;
    std::map<proto::FileId, Sha1> opened;
    std::string directory;
    std::size_t opens = 0, batches = 0;
};

struct MannerRow {
    const char* name;
    Manner manner;
    bool together;  // the files come so
    bool distrusted;
};

Task<> given(FakeNetwork& network, const MannerRow& row) {
    auto nodes = co_await members(network, 1);
    FakeNode& node = *nodes[0];
    SmallGiver giver(network, row.manner);
    giver.peer_clock = &network.clock;
    ChannelEnd transfer = co_await giver.peer.open_transfer(node.id);
    auto listing = node.store.put_bytes(as_bytes(giver.directory));
    REQUIRE(listing);
    proto::Uri uri = uri_of(*listing);
    uri.kind = proto::Uri::Kind::directory;
    Diagnosis diagnosis;
    FetchProgress last;
    Result<std::size_t> loaded = Errc::canceled;
    const auto began = network.clock.now();
    auto body = [&](Tasks& all) -> Task<> {
        all.spawn(giver.answer_searches());
        all.spawn(giver.give(transfer, all));
        const ProgressSink progress = [&](const FetchProgress& at) { last = at; };
        loaded = co_await node.share.load_directory(uri, progress, diagnosis);
        all.cancel();
    };
    auto ended = co_await with_tasks(body);
    CHECK(ended);
    CAPTURE(diagnosis.text());
    REQUIRE(loaded);
    CHECK(*loaded == giver.count);
    CHECK(last.verified_bytes == last.size_bytes);
    for (const auto& [sha1, bytes] : giver.files) {
        auto stored = node.store.find(sha1);
        REQUIRE(stored);
        CHECK(content(stored->path) == bytes);
    }
    CHECK(giver.opens + (row.together ? giver.count / 2 : 0) <= giver.count);
    CHECK((giver.batches > 0) == (row.manner != Manner::as_before));
    CHECK(giver.batches <= 12);
    CHECK(logged(node, giver.peer.id()) == row.distrusted);
    CHECK(network.clock.now() - began < 60s);
}

// Of a list, from `first` on: how many of them came.
Task<std::size_t> listed(FakeNode& node, SmallGiver& giver, std::size_t first, std::size_t count) {
    std::vector<proto::Uri> uris;
    for (const auto& [sha1, bytes] : giver.files) uris.push_back(uri_of(sha1));
    uris.erase(uris.begin(), uris.begin() + static_cast<std::ptrdiff_t>(first));
    uris.resize(count);
    std::size_t came = 0;
    Share::ListHooks hooks;
    hooks.begun = [](std::size_t, const std::function<void()>&) {};
    hooks.moved = [](std::size_t, const FetchProgress&) {};
    hooks.ended = [&](std::size_t index, const Result<Share::Loaded>& loaded,
                      const Diagnosis& why) {
        CAPTURE(why.text());
        REQUIRE(loaded);
        CHECK(content(loaded->path) == giver.files.at(uris[index].sha1));
        CHECK(loaded->from == std::vector{giver.peer.id()});
        ++came;
    };
    auto ended = co_await node.share.load_files(uris, hooks);
    CHECK(ended);
    co_return came;
}

Task<> given_of_list(FakeNetwork& network, const MannerRow& row) {
    auto nodes = co_await members(network, 1);
    SmallGiver giver(network, row.manner);
    giver.peer_clock = &network.clock;
    ChannelEnd transfer = co_await giver.peer.open_transfer(nodes[0]->id);
    std::size_t came = 0;
    auto body = [&](Tasks& all) -> Task<> {
        all.spawn(giver.answer_searches());
        all.spawn(giver.give(transfer, all));
        came = co_await listed(*nodes[0], giver, 0, giver.count);
        all.cancel();
    };
    auto ended = co_await with_tasks(body);
    CHECK(ended);
    CHECK(came == giver.count);
    CHECK(giver.opens + (row.together ? giver.count / 2 : 0) <= giver.count);
    CHECK((giver.batches > 0) == (row.manner != Manner::as_before));
    CHECK(logged(*nodes[0], giver.peer.id()) == row.distrusted);
}

// Files of a list may be large: that nobody gives those together says nothing of the next.
Task<> small_after_large(FakeNetwork& network) {
    auto nodes = co_await members(network, 1);
    SmallGiver giver(network, Manner::not_so);
    ChannelEnd transfer = co_await giver.peer.open_transfer(nodes[0]->id);
    auto body = [&](Tasks& all) -> Task<> {
        all.spawn(giver.answer_searches());
        all.spawn(giver.give(transfer, all));
        const std::size_t large = co_await listed(*nodes[0], giver, 0, 20);
        CHECK(large == 20);
        CHECK(giver.batches > 0);
        CHECK(giver.batches <= 3);
        auto slept = co_await network.clock.sleep_for(2s);
        CHECK(slept);
        giver.manner = Manner::well;
        giver.opens = 0;
        const std::size_t small = co_await listed(*nodes[0], giver, 20, 100);
        CHECK(small == 100);
        CHECK(giver.opens == 0);
        all.cancel();
    };
    auto ended = co_await with_tasks(body);
    CHECK(ended);
}

Task<> asked(FakeNetwork& network) {
    auto nodes = co_await members(network, 1);
    const Store& store = nodes[0]->store;
    const ByteVector small = noise(100, 1), text = prose(proto::block_bytes, 2);
    const auto put = [&](ByteView bytes) { return *store.put_bytes(bytes); };
    const std::vector<Sha1> files{put(small),
                                  put(noise(proto::block_bytes + 1, 3)),
                                  proto::sha1_of(as_bytes("missing")),
                                  put(text),
                                  put(noise(500, 4)),
                                  put(ByteView())};
    std::ofstream(store.place_of(files[4]), std::ios::app) << "rotten";
    RawPeer reader(network);
    ChannelEnd transfer = co_await reader.open_transfer(nodes[0]->id);
    const proto::GetFiles get{7, files};
    co_await send(transfer, encode(get));
    for (std::size_t i = 0; i < files.size(); ++i) {
        auto got = co_await transfer->receive();
        REQUIRE(got);
        auto message = proto::decode_transfer(got->type, got->payload);
        REQUIRE(message);
        const auto* file = std::get_if<proto::WholeFile>(&*message);
        REQUIRE(file);
        CHECK(file->id == 7);
        CHECK(file->number == i);
        const ByteVector& wanted = i == 0 ? small : text;
        if (i != 0 && i != 3) {
            CHECK(file->size_bytes == 0);
            continue;
        }
        CHECK(file->size_bytes == wanted.size());
        ByteVector plain(wanted.size());
        CHECK(proto::unpack_block(file->encoding, file->bytes, plain));
        CHECK(plain == wanted);
    }
    CHECK(nodes[0]->share.counts().gives == 2);
    CHECK(nodes[0]->share.counts().rotten_files == 1);
}

// Who does not read is told that it may ask again, and holds nothing.
Task<> not_read(FakeNetwork& network) {
    auto nodes = co_await members(network, 1);
    std::vector<Sha1> files;
    for (std::uint32_t i = 0; i < proto::max_files_at_once; ++i)
        files.push_back(*nodes[0]->store.put_bytes(noise(proto::block_bytes, i)));
    RawPeer reader(network);
    ChannelEnd transfer = co_await reader.open_transfer(nodes[0]->id);
    constexpr proto::FileId batches = proto::max_file_batches + 1;
    for (proto::FileId id = 1; id <= batches; ++id) {
        const proto::GetFiles get{id, files};
        co_await send(transfer, encode(get));
    }
    auto slept = co_await network.clock.sleep_for(1min);
    REQUIRE(slept);
    std::map<proto::FileId, proto::RefusalCode> refused;
    std::size_t given = 0;
    while (refused.size() < batches && given < 2 * files.size()) {
        auto got = co_await transfer->receive();
        REQUIRE(got);
        auto message = proto::decode_transfer(got->type, got->payload);
        REQUIRE(message);
        given += std::holds_alternative<proto::WholeFile>(*message);
        if (const auto* m = std::get_if<proto::Refused>(&*message)) refused.emplace(m->id, m->code);
    }
    REQUIRE(refused.size() == batches);
    CHECK(refused.at(batches) == proto::RefusalCode::limit);
    CHECK(given > 0);
    CHECK(given < 2 * files.size());
}

Task<> asked_twice(FakeNetwork& network) {
    auto nodes = co_await members(network, 1);
    RawPeer reader(network);
    ChannelEnd transfer = co_await reader.open_transfer(nodes[0]->id);
    std::vector<Sha1> files;
    for (std::uint32_t i = 0; i < proto::max_files_at_once; ++i)
        files.push_back(*nodes[0]->store.put_bytes(noise(proto::block_bytes, i)));
    const proto::GetFiles get{7, files};
    co_await send(transfer, encode(get));
    co_await send(transfer, encode(get));
    for (;;) {
        auto got = co_await transfer->receive();
        if (!got) break;
    }
    CHECK(transfer->is_closed());
}

}  // namespace

TEST_CASE("small files come together, or else alone, whatever their giver does") {
    const MannerRow rows[] = {
        {"well", Manner::well, true, false},
        {"as before there were batches", Manner::as_before, false, false},
        {"other bytes", Manner::wrong, false, true},
        {"each twice", Manner::twice, false, true},
        {"others than were asked for", Manner::beyond, false, true},
        {"frames that do not unpack", Manner::bad_frame, false, true},
        {"not in this way", Manner::not_so, false, false},
        {"not now", Manner::refuse, false, false},
        {"silence", Manner::silent, false, false},
        {"after a while", Manner::wait, true, false},
    };
    for (const MannerRow& row : rows) {
        CAPTURE(row.name);
        in_network([&](FakeNetwork& network) { return given(network, row); });
        in_network([&](FakeNetwork& network) { return given_of_list(network, row); });
    }
}

TEST_CASE("small files of a list come together after large ones, too") {
    in_network(small_after_large);
}

TEST_CASE("of files that are asked for together each is answered") { in_network(asked); }
TEST_CASE("files that are asked for together are not held for who does not read") {
    in_network(not_read);
}
TEST_CASE("who asks for files under an id that is in use is left") { in_network(asked_twice); }
