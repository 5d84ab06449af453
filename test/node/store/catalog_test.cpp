#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <fstream>
#include <utility>

#include "node/store/catalog/marks.hpp"
#include "proto/byte_size.hpp"
#include "test/node/store/storage.hpp"
#include "test/proto/file/content.hpp"

using namespace kp2p;
using namespace kp2p::test;
namespace fs = std::filesystem;

namespace {

// Views the text, which outlives it.
Store::Loaded named(std::string_view text) {
    return {proto::sha1_of(as_bytes(text)), as_bytes(text)};
}

// Loaded, as a file of one chunk is.
proto::Uri loaded(const Storage& storage, const std::string& text, const std::string& name) {
    proto::Uri uri;
    const Store::Loaded file = named(text);
    REQUIRE(storage.store.put_loaded(file));
    uri.sha1 = file.sha1;
    uri.path = name;
    storage.store.note_arrival(uri, Record::Kind::loaded);
    return uri;
}

bool has(const Storage& storage, const proto::Uri& uri) {
    return bool(storage.store.find(uri.sha1));
}

std::string words_of(const CatalogEntry& entry) {
    return std::string(name_of(entry.kind)) + (entry.pinned ? " pinned " : " ") +
           std::to_string(entry.size_bytes) + ' ' + entry.uri.own_name();
}

std::vector<std::string> listed(const Storage& storage) {
    std::vector<std::string> lines;
    const CatalogList entries = storage.store.catalog().entries();
    for (std::size_t i = 0; i < entries.size(); ++i) lines.push_back(words_of(entries[i]));
    std::ranges::sort(lines);
    return lines;
}

// As if it had been used last so long ago.
void age(const Storage& storage, const proto::Uri& uri, int seconds) {
    timespec times[2];
    ::timespec_get(&times[0], TIME_UTC);
    times[0].tv_sec -= seconds;
    times[1] = times[0];
    REQUIRE(::utimensat(AT_FDCWD, storage.layout.loaded(uri.sha1).c_str(), times, 0) == 0);
}

Catalog::Removal remove(const Catalog& catalog, const proto::Uri& uri) {
    return catalog.remove({uri}).front();
}

Removed collect(const Storage& storage, std::uint64_t most_bytes,
                Catalog::Mode mode = Catalog::Mode::really) {
    return storage.store.catalog().collect(most_bytes, mode);
}

// A file system that is mounted to be read alone.
class ReadOnlyDisk final : public Disk {
    static int refused() {
        errno = EROFS;
        return -1;
    }
    int unlink(const Path&) override { return refused(); }
    int rename(const Path&, const Path&) override { return refused(); }
};

class LinklessDisk final : public Disk {
    int link(const Path&, const Path&) override {
        errno = EPERM;
        return -1;
    }
};

// As some FUSE file systems are: what is asked for has another number each time.
class RenumberingDisk final : public Disk {
    int renumbered(int outcome, struct stat& status) {
        status.st_ino = ++last_;
        return outcome;
    }
    int status(int fd, struct stat& into) override {
        return renumbered(Disk::status(fd, into), into);
    }
    int status(const Path& path, struct stat& into) override {
        return renumbered(Disk::status(path, into), into);
    }
    int link_status(const Path& path, struct stat& into) override {
        return renumbered(Disk::link_status(path, into), into);
    }

    ino_t last_ = 1'000'000;
};

// Counts how often a directory is read, which may take long.
class WalkedDisk final : public Disk {
  public:
    explicit WalkedDisk(Path top) : top_(std::move(top)) {}
    int walks() const { return walks_; }
    std::chrono::seconds later{}, each_walk{};

  private:
    std::vector<std::string> names(const Path& directory, std::error_code& error) override {
        walks_ += directory == top_;
        if (directory == top_) later += each_walk;
        return Disk::names(directory, error);
    }
    std::chrono::system_clock::time_point now() override { return Disk::now() + later; }
    Path top_;
    int walks_ = 0;
};

}  // namespace

TEST_CASE("the list has what was asked for, and what came without a name") {
    const Storage storage;
    storage.put(storage.file("a.txt", "one"));
    PutOptions linking;
    linking.content = PutOptions::Content::link;
    storage.put(storage.file("b.txt", "two two"), linking);
    fs::create_directory(storage.files / "folder");
    storage.file("folder/c.txt", "three");
    storage.put(storage.files / "folder");
    (void)loaded(storage, "four", "d.txt");
    (void)*storage.store.put_bytes(as_bytes("bare"));
    const auto pinned = storage.store.catalog().pin(storage.put(storage.file("e", "pinned")));
    CHECK(pinned);
    CHECK(listed(storage) == std::vector<std::string>{"linked 7 b.txt", "loaded 4 d.txt",
                                                      "stored 3 a.txt", "stored 4 ",
                                                      "stored 5 folder", "stored pinned 6 e"});
}

TEST_CASE("a part of a loaded directory is no entry of its own when it is read by its hash") {
    const Storage storage;
    proto::Uri part;
    const std::string text = "part";
    part.sha1 = named(text).sha1;
    REQUIRE(storage.store.put_loaded(named(text)));
    const std::string listing =
        R"({"dirs":{},"files":{"inner":{"size":4,"sha1":")" + part.sha1.hex() + R"("}}})";
    auto directory = loaded(storage, listing, "folder");
    directory.kind = proto::Uri::Kind::directory;
    storage.store.note_arrival(directory, Record::Kind::loaded);
    storage.store.note_arrival(part, Record::Kind::loaded);
    CHECK(listed(storage) == std::vector<std::string>{"loaded 4 folder"});
}

TEST_CASE("only what was loaded is collected, that which was used longest ago first") {
    const Storage storage;
    const auto own = storage.put(storage.file("own", "own"));
    const auto oldest = loaded(storage, "oldest", "x"), older = loaded(storage, "older", "y");
    const auto pinned = loaded(storage, "pinned", "z"), latest = loaded(storage, "latest", "l");
    CHECK(storage.store.catalog().pin(pinned));
    age(storage, oldest, 300);
    age(storage, older, 200);
    age(storage, pinned, 400);
    const std::uint64_t block = collect(storage, 0, Catalog::Mode::dry_run).bytes / 3;
    CHECK(has(storage, oldest));

    CHECK(collect(storage, 2 * block).files == 1);
    CHECK(!has(storage, oldest));
    CHECK(has(storage, older));
    storage.store.note_use(older.sha1);
    age(storage, latest, 100);
    CHECK(collect(storage, block).files == 1);
    CHECK(!has(storage, latest));
    CHECK(collect(storage, 0).files == 1);
    CHECK(!has(storage, older));
    CHECK(has(storage, own));
    CHECK(has(storage, pinned));
    CHECK(storage.store.catalog().unpin(pinned));
    CHECK(collect(storage, 0).files == 1);
    CHECK(!has(storage, pinned));
}

TEST_CASE("what is stored is nobody's cache, whether it was loaded before or is afterwards") {
    const Storage storage;
    const auto first = loaded(storage, "first", "x");
    storage.put(storage.file("first", "first"));
    const auto second = storage.put(storage.file("second", "second"));
    (void)loaded(storage, "second", "y");
    fs::create_directory(storage.files / "folder");
    storage.file("folder/inner", "inner");
    const auto inner = loaded(storage, "inner", "inner");
    storage.put(storage.files / "folder");
    CHECK(collect(storage, 0).files == 0);
    for (const auto& uri : {first, second, inner}) CHECK(has(storage, uri));
}

TEST_CASE("what was stored and has rotted is no cache when it is fetched again") {
    const Storage storage;
    const auto uri = storage.put(storage.file("own", "right"));
    fs::permissions(storage.layout.content(uri.sha1), fs::perms::owner_all);
    write_file(storage.layout.content(uri.sha1), as_bytes("wrong"));
    auto chunks = *storage.store.open_chunks(uri.sha1);
    const auto prepared = chunks->prepare();
    CHECK(prepared.error() == proto::Errc::wrong_hash);
    CHECK(storage.store.settle(*chunks, prepared.error()).find("set aside") != std::string::npos);
    (void)loaded(storage, "right", "own");
    CHECK(has(storage, uri));
    CHECK(collect(storage, 0).files == 0);
}

TEST_CASE("a file is removed with all that is known of it, and what is linked stays") {
    const Storage storage;
    const auto uri = storage.put(storage.file("a.txt", "one"));
    (void)storage.store.named(storage.layout.content(uri.sha1), uri);
    PutOptions linking;
    linking.content = PutOptions::Content::link;
    const auto linked = storage.put(storage.file("b.txt", "two"), linking);
    CHECK(remove(storage.store.catalog(), uri).outcome->bytes == 3);
    CHECK(remove(storage.store.catalog(), linked).outcome->files == 1);
    CHECK(!has(storage, uri));
    CHECK(!has(storage, linked));
    CHECK(fs::exists(storage.files / "b.txt"));
    CHECK(listed(storage).empty());
    CHECK(!fs::exists(storage.layout.names(uri.sha1)));
    CHECK(remove(storage.store.catalog(), uri).outcome.error() == Errc::not_found);
}

TEST_CASE("a manifest and its lists of pieces are part of their file") {
    const Storage storage;
    auto bytes = test::content(21 * mib);
    const auto uri = storage.put(storage.file("a", bytes));
    REQUIRE(uri.manifest);
    const auto lists = piece_lists_of(storage.layout, *uri.manifest);
    REQUIRE(lists.size() == 1);
    CHECK(listed(storage) == std::vector<std::string>{"stored 22020096 a"});
    const Catalog catalog = storage.store.catalog();
    CHECK(catalog.contents(uri, {}).size() == 3);
    CHECK(catalog.pin(uri));
    proto::Uri list;
    list.sha1 = lists[0];
    CHECK(remove(catalog, list).outcome.error() == Errc::usage);
    CHECK(catalog.unpin(uri));
    CHECK(remove(catalog, uri).outcome->files == 3);
    CHECK(listed(storage).empty());

    // Two whose first pieces are the same have a list in common.
    bytes.resize(64 * mib);
    const auto first = storage.put(storage.file("first", bytes));
    bytes.push_back(1);
    const auto second = storage.put(storage.file("second", bytes));
    CHECK(remove(catalog, first).outcome->files == 2);
    REQUIRE(second.manifest);
    for (const Sha1& each : piece_lists_of(storage.layout, *second.manifest))
        CHECK(storage.store.find(each));
}

TEST_CASE("a directory goes with what of it is no part of anything else") {
    const Storage storage;
    fs::create_directories(storage.files / "one");
    fs::create_directories(storage.files / "two");
    for (const char* name : {"one/shared", "two/shared"}) storage.file(name, "in both");
    storage.file("one/own", "in one alone");
    storage.file("one/single", "by itself");
    const auto one = storage.put(storage.files / "one"), two = storage.put(storage.files / "two");
    const auto single = storage.put(storage.files / "one/single");
    const auto sha1_of = [](const char* text) {
        return proto::sha1_of(as_bytes(std::string(text)));
    };
    CHECK(remove(storage.store.catalog(), one).outcome->files == 2);
    CHECK(!has(storage, one));
    CHECK(storage.store.find(sha1_of("in one alone")).error() == Errc::not_found);
    CHECK(storage.store.find(sha1_of("in both")));
    CHECK(has(storage, single));
    CHECK(has(storage, two));
}

TEST_CASE("what is pinned is not removed, and what is not here cannot be pinned") {
    const Storage storage;
    fs::create_directories(storage.files / "one");
    storage.file("one/part", "part");
    const auto one = storage.put(storage.files / "one");
    const auto part = storage.put(storage.files / "one/part");
    const Catalog catalog = storage.store.catalog();
    CHECK(catalog.pin(one));
    CHECK(remove(catalog, one).outcome.error() == Errc::usage);
    CHECK(remove(catalog, part).outcome.error() == Errc::usage);
    CHECK(remove(catalog, part).why.find("pinned") != std::string::npos);
    CHECK(catalog.unpin(one));
    CHECK(catalog.unpin(one).error() == Errc::not_found);
    CHECK(remove(catalog, part).outcome);
    CHECK(catalog.pin(part).error() == Errc::not_found);
}

TEST_CASE("a record that was cut short is none, and the next one takes its place") {
    const Storage storage;
    const auto uri = storage.put(storage.file("a.csv", test::content(100)));
    const fs::path path = storage.layout.record(uri.sha1);
    const std::string whole = read_record(path)->text();
    for (const std::size_t left : {std::size_t{0}, whole.size() / 2}) {
        write_file(path, whole.substr(0, left));
        CHECK(!read_record(path));
        storage.store.note_arrival(uri, Record::Kind::stored);
        REQUIRE(read_record(path));
        CHECK(read_record(path)->uri == uri);
    }
}

TEST_CASE("a content has a second name for who must know what it is, and is what it was") {
    const Storage storage;
    const auto bytes = test::content(3 * mib);
    const auto uri = storage.put(storage.file("a.csv.gz", bytes));
    const fs::path path = storage.layout.content(uri.sha1);
    const auto [named, stamp] = storage.store.named(path, uri);
    CHECK(stamp == *File::open(path, File::Mode::read)->stamp());
    CHECK(named.filename() == "a.csv.gz");
    CHECK(fs::equivalent(named, path));
    CHECK(storage.store.named(path, uri).path == named);
    CHECK((*storage.store.open_chunks(uri.sha1))->ready());  // it need not be hashed again
    CHECK(storage.store.is_checked(uri.sha1, *storage.store.find(uri.sha1)));

    proto::Uri nameless = uri;
    for (const char* name : {"", "..", "a\nb"}) {
        nameless.path = name;
        CHECK(storage.store.named(path, nameless).path == path);
    }
    CHECK(storage.store.named("/elsewhere/file", uri).path == "/elsewhere/file");
    fs::remove(path);
    write_file(path, bytes);
    CHECK(fs::equivalent(storage.store.named(path, uri).path, path));
}

TEST_CASE("a content that gets no second name is pointed to by one") {
    const Storage storage;
    const auto uri = storage.put(storage.file("a.csv.gz", "some bytes"));
    const fs::path path = storage.layout.content(uri.sha1);
    LinklessDisk linkless;
    const DiskInstead instead(linkless);
    const fs::path named = storage.store.named(path, uri).path;
    CHECK(named.filename() == "a.csv.gz");
    CHECK(fs::is_symlink(named));
    CHECK(read_file(named) == "some bytes");
    CHECK(storage.store.named(path, uri).path == named);
    fs::remove(named);
    fs::create_symlink("/etc/passwd", named);  // somebody else's
    CHECK(read_file(storage.store.named(path, uri).path) == "some bytes");
    fs::rename(storage.root, storage.directory.path() / "moved");
    CHECK(read_file(storage.directory.path() / "moved" / named.lexically_relative(storage.root)) ==
          "some bytes");
}

TEST_CASE("a content that an older version left open to changes is so no more once it is named") {
    const Storage storage;
    const auto uri = storage.put(storage.file("a.csv.gz", test::content(3 * mib)));
    const fs::path path = storage.layout.content(uri.sha1);
    (void)storage.store.named(path, uri);
    fs::permissions(path, fs::perms(0644));
    REQUIRE((*storage.store.open_chunks(uri.sha1))->prepare());
    const auto [named, stamp] = storage.store.named(path, uri);
    CHECK(fs::status(named).permissions() == fs::perms(0444));
    CHECK(stamp == *File::open(path, File::Mode::read)->stamp());
    CHECK(storage.store.is_checked(uri.sha1, *storage.store.find(uri.sha1)));
}

TEST_CASE("a quota has the cache give way, and then refuses what is loaded, not what is stored") {
    const Storage storage;
    const std::string big(60'000, 'x');
    (void)loaded(storage, big + "1", "one");
    const std::uint64_t each = used_bytes(storage.layout, Sha1());
    storage.store.limit(3 * each);
    const auto kept = loaded(storage, big + "2", "two");
    storage.put(storage.file("own", big + "3"));
    const std::string fourth = big + "4", seventh = big + "7";
    CHECK(storage.store.put_loaded(named(fourth)));  // instead of the first
    CHECK(storage.store.catalog().pin(kept));
    for (const char* more : {"5", "6"}) storage.put(storage.file(more, big + more));
    const auto refused = storage.store.put_loaded(named(seventh));
    CHECK(refused.error() == Errc::over_quota);
    CHECK(storage_trouble().find("the quota of " + proto::size_words(3 * each)) == 0);
    CHECK(storage.store.open_partial(proto::sha1_of(as_bytes(big)), 10 * each).error() ==
          Errc::over_quota);
    CHECK(has(storage, kept));
    CHECK(storage.store.catalog().unpin(kept));
    storage.store.limit(5 * each);  // with what was stored, three times: not even without the cache
    const Sha1 large = proto::sha1_of(as_bytes(big));
    CHECK(storage.store.open_partial(large, 3 * each).error() == Errc::over_quota);
    CHECK(has(storage, kept));
    storage.store.limit(3 * each);  // the cache is above it
    CHECK(storage.store.open_partial(large, each).error() == Errc::over_quota);
    CHECK(!has(storage, kept));
    storage.store.limit(std::nullopt);
    CHECK(storage.store.put_loaded(named(seventh)));
}

TEST_CASE("of many small files some more give way to a quota than must, and the next finds room") {
    const Storage storage;
    constexpr int many = 48, block_bytes = 4096;
    const auto text = [](int i) { return std::string(block_bytes - 10, 'x') + std::to_string(i); };
    std::vector<proto::Uri> uris;
    for (int i = 0; i < many; ++i) {
        uris.push_back(loaded(storage, text(i), "small"));
        age(storage, uris.back(), 10 * (many - i));
    }
    const auto kept = [&] {
        return std::ranges::count_if(uris, [&](const auto& uri) { return has(storage, uri); });
    };
    storage.store.limit(used_bytes(storage.layout, Sha1()));
    WalkedDisk walked(storage.layout.contents());
    const DiskInstead instead(walked);
    (void)loaded(storage, text(many), "one more");
    CHECK(kept() == many - 1 - many / 16);
    CHECK(!has(storage, uris[many / 16]));
    const int walks = walked.walks();
    CHECK(walks > 0);
    for (int i = 1; i <= many / 16; ++i) (void)loaded(storage, text(many + i), "and more");
    CHECK(kept() == many - 1 - many / 16);
    CHECK(walked.walks() == walks);
}

TEST_CASE("the longer it takes to count what there is, the less often a quota has it counted") {
    const Storage storage;
    storage.store.limit(1 << 20);
    WalkedDisk walked(storage.layout.contents());
    const DiskInstead instead(walked);
    int loads = 0;
    const auto walks_after = [&](std::chrono::seconds pause) {
        walked.later += pause;
        (void)loaded(storage, std::to_string(++loads), "small");
        return walked.walks();
    };
    using std::chrono::seconds;
    CHECK(walks_after(seconds(0)) == 1);
    CHECK(walks_after(seconds(59)) == 1);
    walked.each_walk = seconds(10);
    CHECK(walks_after(seconds(2)) == 2);
    CHECK(walks_after(seconds(900)) == 2);
    CHECK(walks_after(seconds(101)) == 3);
    CHECK(walks_after(seconds(-3600)) == 4);  // the clock was set back
}

TEST_CASE("several are removed as if one after the other, with one walk through the storage") {
    const Storage storage;
    for (const char* folder : {"a", "b"}) {
        fs::create_directory(storage.files / folder);
        storage.file(std::string(folder) + "/shared", "shared");
        storage.file(std::string(folder) + "/own", folder);
    }
    const proto::Uri a = storage.put(storage.files / "a"), b = storage.put(storage.files / "b");
    const proto::Uri c = storage.put(storage.file("c", "also alone"));
    proto::Uri absent;
    absent.sha1 = named("absent").sha1;
    const Catalog catalog = storage.store.catalog();
    WalkedDisk walked(storage.layout.records());
    const DiskInstead instead(walked);
    const auto removals = catalog.remove({a, c, absent, b});
    CHECK(walked.walks() == 2);  // what is absent may have been lost
    REQUIRE(removals.size() == 4);
    CHECK(removals[0].outcome->files == 2);  // the other still has what both share
    CHECK(removals[1].outcome->files == 1);
    CHECK(removals[2].outcome.error() == Errc::not_found);
    CHECK(removals[3].outcome->files == 3);
    CHECK(listed(storage).empty());
}

TEST_CASE("what cannot be removed stays, with all that is known of it, and it is said why") {
    const Storage storage;
    const auto uri = storage.put(storage.file("a.txt", "one"));
    const auto cached = loaded(storage, "two", "b.txt");
    const Catalog catalog = storage.store.catalog();
    ReadOnlyDisk read_only;
    const DiskInstead instead(read_only);
    const auto refused = [&](const proto::Uri& of) {
        return storage.layout.content(of.sha1).string() + ": Read-only file system";
    };
    CHECK(remove(catalog, uri).outcome.error() == Errc::storage_unavailable);
    CHECK(storage_trouble() == refused(uri));
    Unread unread;
    CHECK(catalog.collect(0, Catalog::Mode::really, {}, &unread).files == 0);
    CHECK(unread.words() == refused(cached));
    CHECK(listed(storage).size() == 2);
}

TEST_CASE("of a storage that is away nothing is said but that") {
    const Storage storage;
    const auto uri = storage.put(storage.file("a.txt", "one"));
    const Catalog catalog = storage.store.catalog();
    const auto is_away = [&](const std::string& words) {
        for (const std::error_code error :
             {catalog.can_list().error(), remove(catalog, uri).outcome.error(),
              catalog.pin(uri).error(), catalog.unpin(uri).error(), storage.store.check().error()})
            CHECK(error == Errc::storage_unavailable);
        CHECK(storage_trouble() == storage.root.string() + words);
    };
    const fs::path away = storage.directory.path() / "away";
    fs::rename(storage.root, away);
    is_away(": No such file or directory");
    fs::create_directory(storage.root);  // as a mount point is
    is_away(
        ": it is empty, and not the directory that it was; mount that again, or start the "
        "daemon anew to use this one");
    fs::remove(storage.root);
    std::ofstream(storage.root) << "no directory";
    is_away(": Not a directory");
    fs::remove(storage.root);
    fs::rename(away, storage.root);
    CHECK(catalog.pin(uri));
}

TEST_CASE("an empty storage whose files are numbered anew each time is not taken for another") {
    RenumberingDisk renumbering;
    const DiskInstead instead(renumbering);
    const Storage storage;
    CHECK(storage.store.check());
    const Store::Loaded text = named("text");  // through a file beside it, which is still its own
    CHECK(storage.store.put_loaded(text));
    CHECK(fs::exists(storage.layout.content(text.sha1)));
    storage.put(storage.file("a.txt", "one"));  // which is not said to change meanwhile
    CHECK(listed(storage).size() == 2);
}
