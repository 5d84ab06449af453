#include "node/share/inventory/inventory.hpp"

#include "proto/transfer/have_bits.hpp"

namespace kp2p {
namespace {

constexpr int max_openings = 3;  // of a file that is found wrong, or changes meanwhile

using ChunksRef = std::shared_ptr<WholeChunks>;

// What is hashed as soon as another thread would be found for it.
constexpr std::uint64_t at_once_bytes = std::uint64_t{128} << 10;

struct Opened {
    Result<ChunksRef> chunks = Errc::not_found;
    std::error_code failure;  // of hashing it
    std::string why, remark;
};

struct Slice {
    bool over = false;
    std::error_code failure;
    std::string remark;
};

Result<Slice> hash_slice(const Store& store, WholeChunks& chunks) {
    Slice slice;
    auto prepared = chunks.prepare();
    if (!prepared) slice.failure = prepared.error();
    slice.over = !prepared || chunks.ready();
    if (slice.over) slice.remark = store.settle(chunks, slice.failure);
    return slice;
}

// `known`: what others read of the file by now; null if nobody does.
Result<Opened> open_whole(const Store& store, const Sha1& file, const Located& located,
                          WholeChunks::Links links, ChunksRef known) {
    Opened opened;
    auto found = store.find(file, located, opened.why);
    if (!found && found.error() == Errc::not_found && !located.is_place_empty)
        opened.remark = store.clear_place(file);
    if (found) store.note_use(file);
    if (!found) {
        opened.chunks = found.error();
    } else if (known && links == WholeChunks::Links::kept && known->ready() &&
               known->file().stamp == found->stamp && known->file().path == found->path) {
        opened.chunks = std::move(known);
    } else {
        ChunksRef chunks = store.open_chunks(file, *std::move(found), links);
        if (!chunks->ready() && chunks->size_bytes() <= at_once_bytes) {
            auto slice = hash_slice(store, *chunks);
            opened.failure = slice->failure;
            opened.remark = std::move(slice->remark);
        }
        opened.chunks = std::move(chunks);
    }
    return opened;
}

struct Look {
    std::optional<proto::LocalFile> local;
    std::string why, remark;
};

// A size is told to others only if it is likely to be right: a file that has not been hashed since
// it changed is hashed now if that is soon done.
Result<Look> look_at(const Store& store, const Sha1& file, const Located& located) {
    constexpr std::uint64_t soon_hashed_bytes = 16 * proto::chunk_bytes;
    Look look;
    auto found = store.find(file, located, look.why);
    if (!found) return look;
    const std::uint64_t size_bytes = found->stamp.size_bytes;
    bool right = store.is_checked(file, *found);
    if (!right && size_bytes <= soon_hashed_bytes) {
        const auto chunks = store.open_chunks(file, *found, WholeChunks::Links::kept);
        while (!right && !chunks->ready()) {
            auto slice = hash_slice(store, *chunks);
            look.remark = std::move(slice->remark);
            if (slice->failure) return look;
        }
        right = true;
    }
    if (right || !store.is_resized(file, *found)) look.local = proto::LocalFile{size_bytes, true};
    return look;
}

struct SmallFile {
    ByteVector bytes;
    std::string why, remark;
};

SmallFile read_small(const Store& store, const Sha1& file, std::size_t max_bytes) {
    SmallFile small;
    if (auto bytes = store.read_small(file, max_bytes)) {
        store.note_use(file);
        small.bytes = *std::move(bytes);
        return small;
    }
    // What lies there and is not right is found out, and set aside.
    const Located located = store.locate(file);
    if (!located.stored || located.stored->stamp.size_bytes > max_bytes) return small;
    auto opened = open_whole(store, file, located, WholeChunks::Links::kept, nullptr);
    small.why = std::move(opened->why);
    small.remark = std::move(opened->remark);
    return small;
}

}  // namespace

Task<std::optional<proto::LocalFile>> Inventory::look(Sha1 file) {
    const Store* store = &store_;
    auto find = [store, file](const Located& located) { return look_at(*store, file, located); };
    auto look = co_await read(file, find);
    if (look) {
        say(look->why);
        rotten(look->remark);
        if (look->local) co_return look->local;
    }
    const auto download = downloads_.find(file);
    if (download == downloads_.end()) co_return std::nullopt;
    co_return proto::LocalFile{download->second.entry.chunks->size_bytes(), false};
}

Task<std::vector<bool>> Inventory::lacks(std::vector<Sha1> files) {
    auto look = [store = &store_, files = std::move(files)] {
        static const Sha1 empty = proto::sha1_of({});
        std::vector<bool> lacking;
        for (const Sha1& file : files) {
            const Located located = store->locate(file);
            const bool linked = located.link || located.link.error() != Errc::not_found;
            lacking.push_back(located.is_place_empty && !linked && file != empty);
        }
        return lacking;
    };
    co_return co_await offload(runtime_.pool, std::move(look));
}

Task<Result<Inventory::Entry>> Inventory::take(Sha1 file, Hashing hashing) {
    const bool was_shown = downloads_.contains(file);
    std::string why;
    auto taken = co_await whole(file, hashing, why);
    if (!taken && taken.error() == Errc::not_found) {
        const auto download = downloads_.find(file);
        if (download != downloads_.end()) co_return download->second.entry;
        if (was_shown) taken = co_await whole(file, hashing, why);  // it was committed meanwhile
    }
    if (!taken) co_return taken.error();
    co_return Entry{std::move(*taken), true};
}

Task<std::vector<ByteVector>> Inventory::small_files(std::vector<Sha1> files,
                                                     std::size_t max_bytes) {
    auto read = [store = &store_, files = std::move(files), max_bytes] {
        std::vector<SmallFile> small;
        for (const Sha1& file : files) small.push_back(read_small(*store, file, max_bytes));
        return small;
    };
    auto small = co_await offload(runtime_.pool, std::move(read));
    std::vector<ByteVector> contents;
    for (SmallFile& file : small) {
        say(file.why);
        rotten(file.remark);
        contents.push_back(std::move(file.bytes));
    }
    co_return contents;
}

Task<Result<Inventory::WholeRef>> Inventory::whole(Sha1 file, Hashing hashing, std::string& why) {
    co_return co_await open(file, Links::kept, std::move(hashing), why);
}

Task<Result<Inventory::WholeRef>> Inventory::doubt(Sha1 file, Hashing hashing) {
    std::string why;
    co_return co_await open(file, Links::fresh, std::move(hashing), why);
}

bool Inventory::is_doubtful(std::error_code error) {
    return error == proto::Errc::wrong_hash || error == std::errc::io_error;
}

bool Inventory::is_of_storage(std::error_code error) {
    return error == Errc::storage_unavailable || error == Errc::limit_reached;
}

Task<Result<Inventory::WholeRef>> Inventory::open(Sha1 file, Links links, Hashing hashing,
                                                  std::string& why) {
    Result<WholeRef> outcome = Errc::not_found;
    for (int i = 0; i < max_openings; ++i) {
        std::erase_if(open_, [](const auto& entry) { return entry.second.expired(); });
        const auto others = open_.find(file);
        ChunksRef known;
        if (others != open_.end()) known = others->second.lock();
        const Store* store = &store_;
        auto open = [store, file, links, known](const Located& located) {
            return open_whole(*store, file, located, links, known);
        };
        auto opened = co_await read(file, std::move(open));
        if (!opened) co_return opened.error();
        say(opened->why);
        rotten(opened->remark);
        why = opened->why;
        if (!opened->chunks) co_return opened->chunks.error();
        ChunksRef chunks = std::move(*opened->chunks);
        if (chunks->ready()) {
            open_.insert_or_assign(file, chunks);
            co_return WholeRef(std::move(chunks));
        }
        if (opened->failure)
            outcome = opened->failure;
        else
            outcome = co_await prepare(file, std::move(chunks), hashing);
        if (outcome || (outcome.error() != Errc::not_found && !is_doubtful(outcome.error()))) break;
        // What is wrong is out of the way by now: there may be another.
        outcome = Errc::not_found;
    }
    co_return outcome;
}

Task<Result<Inventory::WholeRef>> Inventory::prepare(Sha1 file, std::shared_ptr<WholeChunks> chunks,
                                                     Hashing hashing) {
    const Executor executor = co_await asio::this_coro::executor;
    std::erase_if(preparations_, [](const auto& entry) { return entry.second.expired(); });
    std::shared_ptr<Preparation> work = preparations_[file].lock();
    if (!work) {
        work = std::make_shared<Preparation>(executor, std::move(chunks));
        preparations_[file] = work;
    }
    // Whoever comes by hashes the next slice, so that it goes on when one of them leaves.
    while (!work->over) {
        if (!hashing()) co_return Errc::canceled;
        if (work->busy) {
            auto changed = co_await work->changed.wait();
            if (!changed) co_return changed.error();
            continue;
        }
        struct Turn {
            Preparation& work;
            ~Turn() {
                work.busy = false;
                work.changed.notify_all();
            }
        } turn{*work};
        work->busy = true;
        const Store* store = &store_;
        auto next = [store, of = work->chunks] { return hash_slice(*store, *of); };
        auto slice = co_await read(work->chunks, std::move(next));
        work->over = !slice || slice->over;
        work->failure = slice ? slice->failure : slice.error();
        if (slice) rotten(slice->remark);
    }
    const auto entry = preparations_.find(file);
    if (entry != preparations_.end() && entry->second.lock() == work) preparations_.erase(entry);
    if (work->failure) co_return work->failure;
    open_.insert_or_assign(file, work->chunks);
    co_return WholeRef(work->chunks);
}

void Inventory::say(const std::string& sentence) {
    if (sentence.empty()) return;
    if (said_.size() >= max_said) said_.clear();
    if (said_.insert(sentence).second) runtime_.log("share", sentence);
}

void Inventory::rotten(const std::string& sentence) {
    if (!sentence.empty()) ++counts_.rotten_files;
    say(sentence);
}

void Inventory::is_silent(const std::filesystem::path& linked) {
    note_storage_trouble("the file system of " + linked.string() + " does not answer");
    say("the file system of " + linked.parent_path().string() +
        " does not answer: what is linked there cannot be given");
}

void Inventory::asked(const Sha1& file, const NodeId& by) {
    const auto download = downloads_.find(file);
    if (download != downloads_.end()) download->second.asked_by(by);
}

Inventory::Listing::Listing(Inventory& inventory, const Sha1& file,
                            std::shared_ptr<Partial> partial, AskedBy asked_by)
    : inventory_(inventory), file_(file) {
    Entry entry{std::move(partial), false, unproven_};
    inventory_.downloads_.insert_or_assign(file, Download{std::move(entry), std::move(asked_by)});
}

Inventory::Listing::~Listing() { inventory_.downloads_.erase(file_); }

void Inventory::Listing::say(std::uint64_t index, Gain gain) {
    for (const Gained& gained : inventory_.watches_) gained(file_, index, gain);
}

void Inventory::Listing::stored(std::uint64_t index) {
    unproven_->let_go(index);
    say(index, Gain::proven);
}

void Inventory::Listing::hold(std::uint64_t index, const Sha1Link& link,
                              UnprovenChunks::Content content) {
    unproven_->hold(index, link, std::move(content));
    say(index, Gain::unproven);
}

Inventory::Watch::Watch(Inventory& inventory, Gained gained)
    : inventory_(inventory),
      at_(inventory.watches_.insert(inventory.watches_.end(), std::move(gained))) {}

Inventory::Watch::~Watch() { inventory_.watches_.erase(at_); }

ByteVector have_bits(const Partial& partial) {
    ByteVector bits(proto::have_bytes(proto::chunk_count(partial.size_bytes())));
    for (const proto::StoredChunk& chunk : partial.stored()) proto::add_chunk(bits, chunk.index);
    return bits;
}

}  // namespace kp2p
