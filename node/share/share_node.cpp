// Directories of Share, and documents that it reads.
#include <algorithm>
#include <chrono>
#include <set>
#include <utility>

#include "node/async/event.hpp"
#include "node/async/offload.hpp"
#include "node/share/share_node.hpp"

namespace kp2p {
namespace {

// Of a directory's files: so many are on their way at once, and so many with those that are being
// written, which pays for each flush of the disk with many files. None is begun while so many
// bytes are being written.
constexpr std::size_t fetches_at_once = 24, writes_at_once = 128;
// Those that are asked for together.
constexpr std::size_t small_files_at_once = 4 * proto::max_files_at_once;
constexpr std::uint64_t written_bytes_at_once = std::uint64_t{16} << 20;
constexpr std::size_t looks_at_once = 64;  // whether they are here, ahead of their turn
constexpr std::chrono::milliseconds progress_span{100};

struct Wanted {
    Sha1 file;
    std::uint64_t size_bytes;
};

void collect(const proto::Sha1Dir& directory, std::set<Sha1>& seen, std::vector<Wanted>& files) {
    for (const auto& [name, file] : directory.files)
        if (seen.insert(file.sha1).second) files.push_back({file.sha1, file.size_bytes});
    for (const auto& [name, inner] : directory.dirs) collect(inner, seen, files);
}

// The first of its names; nothing if it has none.
std::string path_of(const proto::Sha1Dir& directory, const Sha1& wanted) {
    for (const auto& [name, file] : directory.files)
        if (file.sha1 == wanted) return name;
    for (const auto& [name, inner] : directory.dirs)
        if (const std::string path = path_of(inner, wanted); !path.empty())
            return name + '/' + path;
    return {};
}

struct Batch {  // the files of a directory, on their way
    Fetches& fetches;
    Inventory& inventory;
    std::vector<Wanted> files;
    std::vector<NodeId> uploaders;
    ProgressSink progress;
    Diagnosis& diagnosis;
    Clock& clock;
    Clock::Span outage;
    Event room;
    std::size_t next = 0;
    std::vector<bool> lacking = {};  // what is known of the files from the first on
    FetchProgress done = {};
    Clock::Time told = {};
    std::error_code failure = {};
    Sha1 failed = {};
    std::size_t coming = 0, under_way = 0;
    std::uint64_t written_bytes = 0;  // just now

    bool is_small(std::size_t number) const {
        const std::uint64_t size_bytes = files[number].size_bytes;
        return lacking[number] && size_bytes > 0 && size_bytes <= SmallFiles::max_bytes;
    }
    bool has_room(std::size_t number) const {
        if (written_bytes >= written_bytes_at_once) return false;
        if (is_small(number) && fetches.has_giver_of_small(uploaders))
            return under_way < small_files_at_once;
        return coming < fetches_at_once && under_way < writes_at_once;
    }

    void gave(const std::vector<NodeId>& nodes) {
        for (const NodeId& node : nodes)
            if (std::ranges::find(uploaders, node) == uploaders.end()) uploaders.push_back(node);
    }
    // `verified_bytes` more of some file.
    void moved(std::uint64_t verified_bytes) {
        done.verified_bytes += verified_bytes;
        done.providers = uploaders.size();
        done.from = uploaders;
        if (!progress || clock.now() - told < progress_span) return;
        told = clock.now();
        progress(done);
    }
};

class Arrival {  // of one file of a batch, as long as this lives
  public:
    explicit Arrival(Batch& batch) : batch_(batch) {
        ++batch_.coming;
        ++batch_.under_way;
    }
    Arrival(const Arrival&) = delete;
    ~Arrival() {
        came(0);
        --batch_.under_way;
        batch_.written_bytes -= written_bytes_;
        batch_.room.notify_all();
    }
    void came(std::uint64_t bytes) {  // all of it; it is being written
        if (std::exchange(is_here_, true)) return;
        --batch_.coming;
        batch_.written_bytes += written_bytes_ = bytes;
        batch_.room.notify_all();
    }

  private:
    Batch& batch_;
    bool is_here_ = false;
    std::uint64_t written_bytes_ = 0;
};

// With others, if it is one of those; whether it is here then.
Task<bool> fetch_small(Batch& batch, std::size_t number) {
    if (!batch.is_small(number)) co_return false;
    const Wanted wanted = batch.files[number];
    Arrival arrival(batch);
    arrival.came(wanted.size_bytes);  // soon, and no sooner than all that are asked for with it
    auto fetched = co_await batch.fetches.fetch_small(wanted.file, batch.uploaders);
    if (!fetched) co_return false;
    batch.gave(fetched->uploaders);
    batch.moved(wanted.size_bytes);
    co_return true;
}

Task<> fetch_one(Batch& batch, std::size_t number, Tasks& all) {
    const Wanted wanted = batch.files[number];
    const bool done = co_await fetch_small(batch, number);
    if (done) co_return;
    while (batch.coming >= fetches_at_once) {
        auto woken = co_await batch.room.wait();
        if (!woken) co_return;
    }
    Arrival arrival(batch);
    std::uint64_t verified_bytes = 0;
    ProgressSink moved = [&](const FetchProgress& at) {
        if (at.size_bytes > 0 && at.verified_bytes == at.size_bytes) arrival.came(at.size_bytes);
        if (at.verified_bytes <= verified_bytes) return;
        batch.moved(at.verified_bytes - std::exchange(verified_bytes, at.verified_bytes));
    };
    const auto here = batch.lacking[number] ? Fetches::Here::no : Fetches::Here::perhaps;
    auto fetched = co_await batch.fetches.fetch(wanted.file, batch.uploaders, moved,
                                                batch.diagnosis, batch.outage, here);
    if (!fetched) {
        if (!batch.failure) {
            batch.failure = fetched.error();
            batch.failed = wanted.file;
        }
        all.cancel();
        co_return;
    }
    batch.gave(fetched->uploaders);
    // What was here already is as long as the directory says, or the bar is a little off.
    if (verified_bytes == 0) batch.moved(wanted.size_bytes);
}

// Begins with one after the other, as there is room.
Task<> fetch_in_turn(Batch& batch, Tasks& all) {
    while (batch.next < batch.files.size()) {
        if (batch.next == batch.lacking.size()) {
            std::vector<Sha1> ahead;
            for (std::size_t i = batch.next; i < batch.files.size(); ++i) {
                if (ahead.size() == looks_at_once) break;
                ahead.push_back(batch.files[i].file);
            }
            auto lacking = co_await batch.inventory.lacks(std::move(ahead));
            batch.lacking.insert(batch.lacking.end(), lacking.begin(), lacking.end());
        } else if (!batch.has_room(batch.next)) {
            auto woken = co_await batch.room.wait();
            if (!woken) co_return;
        } else {
            all.spawn(fetch_one(batch, batch.next++, all));
        }
    }
}

}  // namespace

Task<Result<Share::Node::Named>> Share::Node::resolve(proto::Uri uri, Diagnosis& diagnosis) {
    if (uri.kind == proto::Uri::Kind::directory) co_return co_await look_up(uri, diagnosis);
    Named named;
    named.file = uri.sha1;
    co_return named;
}

std::error_code Share::Node::given_up(const Sha1& file, Diagnosis& diagnosis) {
    diagnosis.add({.code = Finding::Code::rots, .what = file.hex()});
    return Errc::storage_unavailable;
}

Task<Result<Share::Node::Document>> Share::Node::read_document(Wish wish, Diagnosis& diagnosis) {
    const Sha1 file = wish.file;
    const std::size_t max_bytes = wish.max_bytes;
    for (int attempt = 0;; ++attempt) {
        auto fetched = co_await fetches.fetch(file, wish.hints, ProgressSink(), diagnosis);
        if (!fetched) co_return fetched.error();
        const Store* store = &parts.store;
        auto read = [store, file, max_bytes](const Located&) {
            return store->read(file, max_bytes);
        };
        auto bytes = co_await inventory.read(file, read);
        if (bytes) co_return Document{std::move(*bytes), fetched->uploaders};
        const bool doubtful = Inventory::is_doubtful(bytes.error());
        if (Inventory::is_of_storage(bytes.error()))
            diagnosis.add({.code = Finding::Code::storage, .what = storage_trouble()});
        if (!doubtful) co_return bytes.error();
        if (attempt >= max_repairs) co_return given_up(file, diagnosis);
        auto doubted = co_await inventory.doubt(file, Inventory::always);
        if (!doubted && doubted.error() != Errc::not_found) co_return doubted.error();
    }
}

Task<Result<std::shared_ptr<const Listing>>> Share::Node::read_listing(Sha1 document,
                                                                       Diagnosis& diagnosis) {
    if (auto kept = listings.find(document)) {
        auto look = [store = &parts.store, document] {
            return bool(store->locate(document).stored);
        };
        const bool is_here = co_await offload(parts.runtime.pool, look);
        if (is_here) co_return kept;
    }
    Wish wish;
    wish.file = document;
    wish.max_bytes = proto::max_sha1dir_bytes;
    auto read = co_await read_document(std::move(wish), diagnosis);
    const bool too_large = !read && read.error() == std::errc::file_too_large;
    if (!read && !too_large) co_return read.error();
    const auto parsed = std::make_shared<Listing>();
    Result<proto::Sha1Dir> directory = Errc::usage;
    auto parse = [&] { return proto::Sha1Dir::parse(as_text(read->bytes), parsed->left_out); };
    if (read) directory = co_await offload(parts.runtime.pool, parse);
    if (!directory) {
        diagnosis.add({.code = Finding::Code::no_listing});
        co_return Errc::usage;
    }
    parsed->document = document;
    parsed->document_bytes = read->bytes.size();
    parsed->directory = *std::move(directory);
    parsed->uploaders = std::move(read->uploaders);
    const std::shared_ptr<const Listing> listing = parsed;
    listings.keep(listing);
    co_return listing;
}

Task<Result<Share::Node::Named>> Share::Node::look_up(proto::Uri uri, Diagnosis& diagnosis) {
    auto read = co_await read_listing(uri.sha1, diagnosis);
    if (!read) co_return read.error();
    const std::shared_ptr<const Listing> listing = *std::move(read);
    const proto::Sha1Dir::Found found = listing->directory.find(uri);
    Named named;
    named.file = uri.sha1;
    named.uploaders = listing->uploaders;
    if (found.file) {
        named.file = found.file->sha1;
        diagnosis.is_about(uri.path, named.file);
    } else if (found.dir) {
        named.directory = std::shared_ptr<const proto::Sha1Dir>(listing, found.dir);
        if (listing->left_out.count > 0) diagnosis.remark(listing->left_out.text());
    } else {
        diagnosis.add({.code = Finding::Code::no_entry, .what = uri.path});
        co_return Errc::usage;
    }
    co_return named;
}

Task<Result<std::size_t>> Share::Node::fetch_all(Named named, ProgressSink progress,
                                                 Diagnosis& diagnosis, Clock::Span outage) {
    Batch batch{
        fetches,   inventory,           {},     std::move(named.uploaders),   std::move(progress),
        diagnosis, parts.runtime.clock, outage, Event(parts.runtime.executor)};
    std::set<Sha1> seen;
    collect(*named.directory, seen, batch.files);
    for (const Wanted& wanted : batch.files) batch.done.size_bytes += wanted.size_bytes;
    auto body = [&](Tasks& all) -> Task<> { co_await fetch_in_turn(batch, all); };
    auto fetched = co_await with_tasks(body);
    if (batch.failure) {
        diagnosis.is_about(path_of(*named.directory, batch.failed), batch.failed);
        co_return batch.failure;
    }
    if (!fetched) co_return fetched.error();
    if (batch.progress) batch.progress(batch.done);
    co_return batch.files.size();
}

}  // namespace kp2p
