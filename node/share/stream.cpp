#include "node/share/stream.hpp"

#include <algorithm>

#include "node/async/offload.hpp"
#include "node/async/timeout.hpp"
#include "node/share/peers.hpp"
#include "proto/file/links.hpp"
#include "proto/share/piece.hpp"

namespace kp2p {
namespace {

using namespace std::chrono_literals;
using proto::chunk_bytes;
using proto::ChunkIndex;

constexpr auto tick_span = 200ms;
constexpr auto open_span = 20s;         // without a word about the file
constexpr auto preparing_span = 60min;  // for hashing it where it has no links yet
constexpr auto stall_span = 10s;        // without a byte of what was asked for
constexpr auto late_span = 5s;          // until the next part is asked of a second node, too
constexpr int max_attempts = 4;         // at a node whose connection breaks
constexpr std::size_t max_asked = 12;   // chunks, of one node

}  // namespace

// The file, opened at one neighbour.
class Stream::Source final : public FileUser {
  public:
    Source(Stream& stream, Neighbour& neighbour)
        : stream_(stream),
          neighbour_(&neighbour),
          node_(neighbour.node()),
          changed_(stream.parts_.share.executor),
          active_(stream.parts_.share.clock.now()) {
        stream_.sources_[node_] = this;
    }
    Source(const Source&) = delete;
    ~Source() override {
        end();
        stream_.sources_.erase(node_);
        stream_.forget(node_);
    }

    // Opens the file and stays until it is over. Whether it may be worth to try again.
    Task<bool> stay() {
        auto id = neighbour_->open_file(stream_.manifest_.sha1, *this);
        if (!id) {
            neighbour_ = nullptr;
            co_return true;
        }
        id_ = *id;
        Clock& clock = stream_.parts_.share.clock;
        const auto last = clock.now() + preparing_span;
        while (neighbour_ && !opened_) {
            const auto left = std::min(active_ + open_span, last) - clock.now();
            if (left <= Clock::Span::zero()) {
                stream_.drop(node_, "does not open the file that it says it has");
                co_return false;
            }
            auto change = changed_.wait();
            auto changed = co_await with_timeout(clock, left, std::move(change));
            if (!changed && changed.error() == asio::error::operation_aborted) co_return false;
        }
        while (neighbour_) {
            auto changed = co_await changed_.wait();
            if (!changed) co_return false;
        }
        co_return again_;
    }
    void end() {
        if (neighbour_) neighbour_->close_file(id_);
        over(false);
    }

    const NodeId& node() const { return node_; }
    bool open() const { return neighbour_ && opened_; }
    bool may_give(PartIndex part) const { return has(part) || (neighbour_ ? !opened_ : again_); }
    bool has(PartIndex part) const {
        if (!open()) return false;
        for (ChunkIndex i = stream_.first_chunk(part); i <= stream_.last_chunk(part); ++i)
            if (have_ && !proto::has_chunk(*have_, i)) return false;
        return true;
    }
    std::size_t asked() const { return receiving_.size(); }
    bool asked(ChunkIndex index) const { return receiving_.contains(index); }
    bool stalled(Clock::Time now) const {
        return open() && !receiving_.empty() && now - active_ >= stall_span;
    }
    void ask(ChunkIndex index) {
        if (receiving_.empty()) active_ = stream_.parts_.share.clock.now();
        receiving_[index].pieces = std::make_shared<std::vector<Piece>>();
        neighbour_->ask(id_, index);
    }

    void preparing() override {
        if (!opened_) active_ = stream_.parts_.share.clock.now();
    }
    void opened(proto::Opened opened) override {
        if (opened_) return garbage();
        if (opened.size_bytes != stream_.manifest_.size_bytes)
            return stream_.drop(node_, "claims another size than the manifest");
        opened_ = true;
        have_ = std::move(opened.have);
        changed_.notify_all();
        stream_.pump();
    }
    void data(const proto::Data& data, ByteVector payload) override {
        const auto at = receiving_.find(data.index);
        if (at == receiving_.end() || data.offset != at->second.received_bytes) return garbage();
        active_ = stream_.parts_.share.clock.now();
        const std::size_t size = proto::chunk_size_bytes(stream_.manifest_.size_bytes, data.index);
        Receiving& chunk = at->second;
        chunk.received_bytes += std::min(proto::piece_bytes, size - chunk.received_bytes);
        // A moved vector keeps its memory, which data.bytes points into.
        chunk.pieces->push_back(Piece{data.encoding, std::move(payload), data.bytes});
        if (chunk.received_bytes < size) return;
        Pieces pieces = std::move(chunk.pieces);
        receiving_.erase(at);
        stream_.arrived(node_, data.index, std::move(pieces));
    }
    void have(ChunkIndex index) override {
        if (!have_ || index / 8 >= have_->size()) return;
        (*have_)[index / 8] |= static_cast<std::uint8_t>(1 << index % 8);
        stream_.pump();
    }
    void canceled(ChunkIndex) override { garbage(); }  // nothing is ever called off
    void refused(proto::RefusalCode code) override {
        if (code == proto::RefusalCode::not_found)
            stream_.diagnosis_.note("node " + node_.hex() + " does not have the file");
        over(code == proto::RefusalCode::limit);
    }
    void garbage() override { stream_.drop(node_, "sent messages that make no sense"); }
    void lost() override { over(true); }

  private:
    struct Receiving {
        std::size_t received_bytes = 0;  // plain
        Pieces pieces;
    };

    void over(bool again) {
        neighbour_ = nullptr;
        again_ = again;
        receiving_.clear();
        stream_.forget(node_);
        changed_.notify_all();
    }

    Stream& stream_;
    Neighbour* neighbour_;  // null when the file is not open there any more
    NodeId node_;
    proto::FileId id_ = 0;
    bool opened_ = false, again_ = false;
    std::optional<ByteVector> have_;  // absent: complete
    std::map<ChunkIndex, Receiving> receiving_;
    Event changed_;
    Clock::Time active_;
};

Stream::Stream(LoadParts parts, proto::Manifest manifest, std::vector<NodeId> hints,
               Diagnosis& diagnosis)
    : parts_(parts),
      manifest_(std::move(manifest)),
      hints_(std::move(hints)),
      diagnosis_(diagnosis),
      changed_(parts.share.executor),
      started_(parts.share.clock.now()) {}

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
        auto given = co_await give(range, sink);
        outcome = given;
        all.cancel();
    };
    auto ran = co_await with_tasks(body);
    tasks_ = nullptr;
    search_.reset();
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
    for (const NodeId& hint : std::exchange(hints_, {})) found(hint);
    search_.emplace(parts_.finder, manifest_.sha1,
                    [this](const proto::Providing& what) { found(what.node); });
    for (; front_ < behind_; ++front_) {
        auto here = co_await await_front();
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

Task<Result<void>> Stream::await_front() {
    Clock& clock = parts_.share.clock;
    while (!checked_.contains(front_)) {
        pump();
        if (hopeless()) {
            if (candidates_.none()) parts_.hood.explain_silence(diagnosis_);
            co_return misled_ ? Errc::verification_failed : Errc::not_found;
        }
        auto change = changed_.wait();
        auto changed = co_await with_timeout(clock, tick_span, std::move(change));
        if (!changed && changed.error() == asio::error::operation_aborted)
            co_return changed.error();
        parts_.finder.expire();
        for (const auto& [node, source] : sources_)
            if (source->stalled(clock.now())) drop(node, "stopped sending");
    }
    co_return ok;
}

// Nobody gives the part at the front, is about to, or may yet be found.
bool Stream::hopeless() const {
    const auto gives = [&](const FetchRef& fetch) { return fetch->part == front_; };
    if (std::any_of(fetches_.begin(), fetches_.end(), gives)) return false;
    if (candidates_.trying() > sources_.size()) return false;
    const auto may = [&](const auto& entry) { return entry.second->may_give(front_); };
    if (std::any_of(sources_.begin(), sources_.end(), may)) return false;
    return parts_.hood.exhausted(*search_, started_);
}

// ---- providers ----

void Stream::found(const NodeId& node) {
    using Reach = Candidates::Reach;
    if (!tasks_ || node == parts_.share.own) return;
    const Reach reach = parts_.hood.proven(node) ? Reach::neighbour : Reach::distant;
    if (candidates_.hear(node, reach)) tasks_->spawn(attach(node));
}

Task<> Stream::attach(NodeId node) {
    auto pause = 250ms;
    for (int attempt = 0; attempt < max_attempts; ++attempt) {
        auto reached = co_await parts_.hood.reach(node);
        if (!reached) {
            if (reached.error() == asio::error::operation_aborted) co_return;
            diagnosis_.note(parts_.hood.why_not(node, reached.error()));
            break;
        }
        if (Neighbour* neighbour = parts_.hood.proven(node)) {
            Source source(*this, *neighbour);
            const bool again = co_await source.stay();
            if (!again) break;
        }
        auto slept = co_await parts_.share.clock.sleep_for(pause);
        if (!slept) co_return;
        if (dropped_.contains(node)) break;
        pause *= 2;
    }
    if (const auto next = candidates_.done(); next && tasks_) tasks_->spawn(attach(*next));
    changed_.notify_all();
}

void Stream::drop(const NodeId& node, const std::string& what) {
    misled_ = true;
    dropped_.insert(node);
    const std::string sentence = "node " + node.hex() + " " + what;
    diagnosis_.note(sentence);
    parts_.share.log(sentence + " (file " + manifest_.sha1.hex() + "); it is not used for it now");
    if (const auto at = sources_.find(node); at != sources_.end()) at->second->end();
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
    for (const auto& [node, source] : sources_)
        while (source->open() && source->asked() < max_asked)
            if (!ask(*source) && !assign(*source)) break;
}

// Asks for one chunk more of the parts that the node is to give.
bool Stream::ask(Source& source) {
    for (const FetchRef& fetch : fetches_) {
        if (fetch->from != source.node() || fetch->checking) continue;
        for (ChunkIndex i = first_chunk(fetch->part); i <= last_chunk(fetch->part); ++i) {
            if (fetch->chunks.contains(i) || source.asked(i)) continue;
            source.ask(i);
            return true;
        }
    }
    return false;
}

// Gives the node one part more to fetch.
bool Stream::assign(Source& source) {
    const auto now = parts_.share.clock.now();
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
        auto unpacked = co_await offload(parts_.share.pool, std::move(work));
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
