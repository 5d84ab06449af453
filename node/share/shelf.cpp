#include "node/share/shelf.hpp"

namespace kp2p {
namespace {

using Opening = Result<std::shared_ptr<WholeChunks>>;

Opening open_whole(const Store& store, const Sha1& file) {
    auto opened = store.open_chunks(file);
    if (!opened) return opened.error();
    if ((*opened)->lie_elsewhere()) return closed_elsewhere(std::move(*opened));
    return std::shared_ptr<WholeChunks>(std::move(*opened));
}

}  // namespace

Task<std::optional<proto::LocalFile>> Shelf::look(Sha1 file) {
    const Store* store = &store_;
    auto find = [store, file] { return store->find(file); };
    auto stored = co_await read(file, find);
    if (stored) co_return proto::LocalFile{stored->size_bytes, true};
    const auto partial = partials_.find(file);
    if (partial == partials_.end()) co_return std::nullopt;
    co_return proto::LocalFile{partial->second->size_bytes(), false};
}

Task<Result<Shelf::Taken>> Shelf::take(Sha1 file, Hashing hashing) {
    const bool was_shown = partials_.contains(file);
    const Store* store = &store_;
    auto open = [store, file] { return open_whole(*store, file); };
    auto opened = co_await read(file, open);
    if (!opened && opened.error() == Errc::not_found) {
        const auto partial = partials_.find(file);
        if (partial != partials_.end()) co_return Taken{partial->second, false};
        if (was_shown) opened = co_await read(file, open);  // it was committed meanwhile
    }
    if (!opened) co_return opened.error();
    std::shared_ptr<WholeChunks> chunks = std::move(*opened);
    if (!chunks->ready()) co_return co_await prepare(file, std::move(chunks), std::move(hashing));
    co_return Taken{std::move(chunks), true};
}

Task<Result<Shelf::Taken>> Shelf::prepare(Sha1 file, std::shared_ptr<WholeChunks> chunks,
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
        auto slice = [of = work->chunks]() -> Result<bool> {
            auto prepared = of->prepare();
            if (!prepared) return prepared.error();
            return of->ready();
        };
        auto over = co_await read(work->chunks, std::move(slice));
        work->over = !over || *over;
        if (!over) work->failure = over.error();
    }
    preparations_.erase(file);
    if (work->failure) co_return work->failure;
    co_return Taken{work->chunks, true};
}

std::shared_ptr<Partial> Shelf::left_over(const Sha1& file) const {
    const auto found = kept_.find(file);
    return found == kept_.end() ? nullptr : found->second.lock();
}

Shelf::Showing::Showing(Shelf& shelf, const Sha1& file, std::shared_ptr<Partial> partial)
    : shelf_(shelf), file_(file) {
    std::erase_if(shelf_.kept_, [](const auto& entry) { return entry.second.expired(); });
    shelf_.kept_.insert_or_assign(file, partial);
    shelf_.partials_.insert_or_assign(file, std::move(partial));
}

Shelf::Showing::~Showing() { shelf_.partials_.erase(file_); }

void Shelf::Showing::kept(std::uint64_t index) {
    for (const Gained& gained : shelf_.watches_) gained(file_, index);
}

Shelf::Watch::Watch(Shelf& shelf, Gained gained)
    : shelf_(shelf), at_(shelf.watches_.insert(shelf.watches_.end(), std::move(gained))) {}

Shelf::Watch::~Watch() { shelf_.watches_.erase(at_); }

ByteVector have_bits(const Partial& partial) {
    ByteVector bits((proto::chunk_count(partial.size_bytes()) + 7) / 8);
    for (const KeptChunk& chunk : partial.kept())
        bits[chunk.index / 8] |= static_cast<std::uint8_t>(1 << chunk.index % 8);
    return bits;
}

}  // namespace kp2p
