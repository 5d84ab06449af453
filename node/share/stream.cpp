#include "node/share/stream.hpp"

#include <algorithm>

#include "node/async/offload.hpp"
#include "node/async/timeout.hpp"
#include "proto/file/links.hpp"
#include "proto/transfer/piece.hpp"

namespace kp2p {
namespace {

using namespace std::chrono_literals;
using proto::chunk_bytes;
using proto::ChunkIndex;

constexpr auto stream_tick_span = 200ms;
constexpr auto stall_span = proto::Download::stall_span;  // without a byte that was asked for
constexpr auto late_span = 5s;         // until the next part is asked of a second node, too
constexpr std::size_t max_asked = 12;  // chunks, of one node

}  // namespace

class Stream::Source {
  public:
    Source(Stream& stream, Neighbour& neighbour)
        : stream_(stream), provider_(stream.providers_, neighbour) {
        stream_.sources_.push_back(this);
    }
    Source(const Source&) = delete;
    ~Source() {
        std::erase(stream_.sources_, this);
        gone();
    }

    Task<Providers::Ended> run() {
        for (;;) {
            auto event = co_await provider_.next();
            if (!event) break;
            take(std::move(*event));
        }
        if (provider_.ended() == Providers::Ended::garbled) garbage();
        gone();
        co_return provider_.ended();
    }
    const NodeId& node() const { return provider_.node(); }
    bool open() const { return provider_.open(); }
    bool outdone() const { return provider_.outdone(); }
    void leave() { provider_.leave(); }
    bool may_give(PartIndex part) const {
        return has(part) || provider_.opening() || provider_.returns();
    }
    bool has(PartIndex part) const {
        if (!open()) return false;
        for (ChunkIndex i = stream_.first_chunk(part); i <= stream_.last_chunk(part); ++i)
            if (have_ && !proto::has_chunk(*have_, i)) return false;
        return true;
    }
    std::size_t asked() const { return receiving_.size(); }
    bool asked(ChunkIndex index) const { return receiving_.contains(index); }
    bool stalled() const {
        return open() && !receiving_.empty() &&
               now() - std::max(active_, provider_.gave_at()) >= stall_span;
    }
    void stall() {
        provider_.stall();
        gone();
    }
    void ask(ChunkIndex index) {
        if (receiving_.empty()) active_ = now();
        receiving_[index].pieces = std::make_shared<std::vector<Piece>>();
        provider_.ask(index);
    }

  private:
    struct Receiving {
        std::size_t received_bytes = 0;  // plain
        Pieces pieces;
    };

    void take(TransferEvent event) {
        if (auto* opened = std::get_if<proto::Opened>(&event.message)) {
            begin(std::move(*opened));
        } else if (const auto* data_ = std::get_if<proto::Data>(&event.message)) {
            data(*data_, std::move(event.payload));
        } else if (const auto* have_ = std::get_if<proto::Have>(&event.message)) {
            have(have_->index);
        } else {
            garbage();  // canceled: nothing is ever called off
        }
    }
    void begin(proto::Opened opened) {
        if (opened.size_bytes != stream_.manifest_.size_bytes)
            return stream_.drop(node(), "claims another size than the manifest");
        have_ = std::move(opened.have);
        stream_.pump();
    }
    void data(const proto::Data& data, ByteVector payload) {
        const auto at = receiving_.find(data.index);
        if (at == receiving_.end() || data.offset != at->second.received_bytes) return garbage();
        active_ = now();
        stream_.providers_.gave(node());
        const std::size_t size = proto::chunk_size_bytes(stream_.manifest_.size_bytes, data.index);
        Receiving& chunk = at->second;
        chunk.received_bytes += std::min(proto::piece_bytes, size - chunk.received_bytes);
        // A moved vector keeps its memory, which data.bytes points into.
        chunk.pieces->push_back(Piece{data.encoding, std::move(payload), data.bytes});
        if (chunk.received_bytes < size) return;
        Pieces pieces = std::move(chunk.pieces);
        receiving_.erase(at);
        stream_.arrived(node(), data.index, std::move(pieces));
    }
    void have(ChunkIndex index) {
        if (!have_) return;
        proto::add_chunk(*have_, index);
        stream_.pump();
    }
    void garbage() { stream_.drop(node(), "sent messages that make no sense"); }
    void gone() {
        receiving_.clear();
        const auto other = [&](const Source* s) { return s != this && s->node() == node(); };
        if (std::ranges::none_of(stream_.sources_, other)) stream_.forget(node());
    }

    Clock::Time now() const { return stream_.parts_.share.runtime.clock.now(); }

    Stream& stream_;
    Provider provider_;
    std::optional<ByteVector> have_;  // absent: complete
    std::map<ChunkIndex, Receiving> receiving_;
    Clock::Time active_;  // when it was asked for something, or gave some of it
};

Stream::Stream(LoadParts parts, proto::Manifest manifest, std::vector<NodeId> hints,
               Diagnosis& diagnosis)
    : parts_(parts),
      manifest_(std::move(manifest)),
      hints_(std::move(hints)),
      changed_(parts.share.runtime.executor),
      providers_(parts, manifest_.sha1, diagnosis, changed_,
                 [this](Neighbour& n) { return use(n); }) {}

ChunkIndex Stream::first_chunk(PartIndex index) const {
    return part(index).start_bytes / chunk_bytes;
}

ChunkIndex Stream::last_chunk(PartIndex index) const {
    return (part(index).end_bytes - 1) / chunk_bytes;
}

Task<Result<void>> Stream::run(ByteRange& range, ByteSink sink) {
    Result<void> outcome = Errc::canceled;
    auto body = [&](Tasks& all) -> Task<> {
        tasks_ = &all;
        providers_.start(all);
        auto given = co_await give(range, sink);
        outcome = given;
        all.cancel();
    };
    auto ran = co_await with_tasks(body);
    tasks_ = nullptr;
    providers_.stop();
    if (!ran && !outcome) co_return ran.error();
    co_return outcome;
}

Task<Result<void>> Stream::give(ByteRange& range, ByteSink sink) {
    const std::uint64_t end =
        std::min(range.end.value_or(manifest_.size_bytes), manifest_.size_bytes);
    if (range.start >= end) co_return ok;
    for (const proto::ManifestChunk& chunk : manifest_.chunks) {
        if (chunk.end_bytes <= range.start) ++front_;
        if (chunk.start_bytes < end) ++behind_;
    }
    for (const NodeId& hint : std::exchange(hints_, {})) providers_.hear(hint);
    providers_.search();
    for (; front_ < behind_; ++front_) {
        auto here = co_await await_front(range);
        if (!here) co_return here;
        std::uint64_t at = part(front_).start_bytes;
        for (const ByteVector& bytes : checked_.at(front_)) {
            const std::uint64_t first = std::max(range.start, at) - at;
            const std::uint64_t last = std::min<std::uint64_t>(end - at, bytes.size());
            if (first < last) {
                auto taken = co_await sink(ByteView(bytes).subspan(first, last - first));
                if (!taken) co_return taken;
                range.start = at + last;
            }
            at += bytes.size();
            if (at >= end) break;
        }
        checked_.erase(front_);
    }
    co_return ok;
}

Task<Result<void>> Stream::await_front(const ByteRange& range) {
    Clock& clock = parts_.share.runtime.clock;
    providers_.busy();  // the sink may have taken its time
    while (!checked_.contains(front_)) {
        pump();
        if (hopeless()) co_return explain(range);
        auto change = changed_.wait();
        auto changed = co_await with_timeout(clock, stream_tick_span, std::move(change));
        if (!changed && changed.error() == asio::error::operation_aborted)
            co_return changed.error();
        providers_.tick();
        for (Source* source : sources_) {
            if (source->stalled()) source->stall();
            if (source->outdone() && source->asked() == 0) source->leave();
        }
    }
    co_return ok;
}

// Somebody gives the part at the front, or is about to.
bool Stream::front_expected() const {
    const auto gives = [&](const FetchRef& fetch) { return fetch->part == front_; };
    if (std::any_of(fetches_.begin(), fetches_.end(), gives)) return true;
    const auto may = [&](const Source* source) { return source->may_give(front_); };
    return std::any_of(sources_.begin(), sources_.end(), may);
}

// Nothing comes from anybody, or all are there and none has all of the next part.
bool Stream::hopeless() const {
    const auto checking = [](const FetchRef& fetch) { return fetch->checking; };
    if (std::any_of(fetches_.begin(), fetches_.end(), checking)) return false;
    if (providers_.hopeless()) return true;
    const bool connecting = providers_.trying() > sources_.size();
    return !sources_.empty() && !connecting && !front_expected() && providers_.exhausted();
}

std::error_code Stream::explain(const ByteRange& range) {
    Providers::Shortfall shortfall;
    shortfall.nobody_asked = !front_expected();
    shortfall.kept = "all before byte " + std::to_string(range.start) + " was given";
    return providers_.explain(shortfall);
}

// ---- providers ----

Task<Providers::Ended> Stream::use(Neighbour& neighbour) {
    Source source(*this, neighbour);
    co_return co_await source.run();
}

void Stream::drop(const NodeId& node, const std::string& what) {
    providers_.blame(node, what);
    forget(node);
}

void Stream::forget(const NodeId& node) {
    std::erase_if(fetches_,
                  [&](const FetchRef& fetch) { return fetch->from == node && !fetch->checking; });
    changed_.notify_all();
}

// ---- fetching ----

void Stream::pump() {
    changed_.notify_all();
    if (!tasks_) return;
    for (Source* source : sources_)
        while (source->open() && !source->outdone() && source->asked() < max_asked)
            if (!ask(*source) && !assign(*source)) break;
}

// Asks for one chunk more of the parts that the node is to give.
bool Stream::ask(Source& source) {
    for (const FetchRef& fetch : fetches_) {
        if (fetch->from != source.node() || fetch->checking) continue;
        for (ChunkIndex i = first_chunk(fetch->part); i <= last_chunk(fetch->part); ++i) {
            if (fetch->chunks.contains(i) || asked(source.node(), i)) continue;
            source.ask(i);
            return true;
        }
    }
    return false;
}

bool Stream::asked(const NodeId& node, ChunkIndex index) const {
    return std::ranges::any_of(sources_, [&](const Source* source) {
        return source->node() == node && source->asked(index);
    });
}

// Gives the node one part more to fetch.
bool Stream::assign(Source& source) {
    const auto now = parts_.share.runtime.clock.now();
    for (PartIndex i = front_; i < behind_ && i < front_ + window_parts; ++i) {
        if (i > front_ + 1 && part(i).end_bytes - part(front_).start_bytes > window_bytes) break;
        if (checked_.contains(i) || !source.has(i)) continue;
        std::size_t late = 0, all = 0;
        bool own = false;
        for (const FetchRef& fetch : fetches_) {
            if (fetch->part != i) continue;
            ++all;
            own = own || fetch->from == source.node();
            if (!fetch->checking && now - fetch->began >= late_span) ++late;
        }
        if (own || (all > 0 && (i != front_ || all > 1 || late == 0))) continue;
        fetches_.push_back(std::make_shared<Fetch>(Fetch{i, source.node(), now, {}}));
        return true;
    }
    return false;
}

void Stream::arrived(const NodeId& node, ChunkIndex index, Pieces pieces) {
    if (!tasks_) return;
    for (const FetchRef& fetch : fetches_) {
        const ChunkIndex first = first_chunk(fetch->part), last = last_chunk(fetch->part);
        if (fetch->from != node || fetch->checking || index < first || index > last) continue;
        fetch->chunks.emplace(index, pieces);
        if (fetch->chunks.size() < last - first + 1) continue;
        fetch->checking = true;
        tasks_->spawn(check(fetch));
    }
    pump();
}

Task<> Stream::check(FetchRef fetch) {
    const proto::ManifestChunk expected = part(fetch->part);
    auto hasher = std::make_shared<proto::Sha1Hasher>();
    Plain plain;
    bool right = true;
    for (auto& [index, pieces] : fetch->chunks) {
        const std::uint64_t start = index * chunk_bytes;
        const std::size_t size = proto::chunk_size_bytes(manifest_.size_bytes, index);
        const std::size_t from = std::max(expected.start_bytes, start) - start;
        const std::size_t to = std::min<std::uint64_t>(expected.end_bytes - start, size);
        auto work = [hasher, pieces = std::move(pieces), size, from, to]() -> Result<ByteVector> {
            ByteVector bytes(size);
            const std::span<std::uint8_t> all(bytes);
            std::size_t at = 0;
            for (const Piece& piece : *pieces) {
                const std::size_t length = std::min(proto::piece_bytes, size - at);
                auto unpacked =
                    proto::unpack_piece(piece.encoding, piece.bytes, all.subspan(at, length));
                if (!unpacked) return unpacked.error();
                at += length;
            }
            hasher->update(ByteView(bytes).subspan(from, to - from));
            return ByteVector(bytes.begin() + static_cast<std::ptrdiff_t>(from),
                              bytes.begin() + static_cast<std::ptrdiff_t>(to));
        };
        auto unpacked = co_await offload(parts_.share.runtime.pool, std::move(work));
        right = bool(unpacked);
        if (!right) break;
        plain.push_back(std::move(*unpacked));
    }
    fetches_.remove(fetch);
    right = right && hasher->finish() == expected.sha1;
    if (!right)
        drop(fetch->from, "sent wrong bytes " + std::to_string(expected.start_bytes) + " to " +
                              std::to_string(expected.end_bytes));
    if (right && fetch->part >= front_ && checked_.emplace(fetch->part, std::move(plain)).second)
        std::erase_if(fetches_, [&](const FetchRef& other) {
            return other->part == fetch->part && !other->checking;
        });
    pump();
}

}  // namespace kp2p
