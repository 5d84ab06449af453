#include "node/share/fetch/range_reader.hpp"

#include <algorithm>

#include "node/async/offload.hpp"

namespace kp2p {
namespace {

// Held at a time, 8 MiB, and fetched together.
constexpr std::size_t max_wanted_pieces = 512;
constexpr std::size_t max_held_lists = 64;  // each of 64 MiB of the file
constexpr std::size_t pieces_kept_at_once = 32;
constexpr std::uint64_t kept_step_bytes = proto::chunk_bytes;
constexpr std::size_t max_hints = 16;

}  // namespace

Task<Result<void>> RangeReader::run(std::vector<ByteRange>& ranges, ByteSink sink) {
    auto resumed = co_await parts_.inventory.desk().resume(reading_.file);
    if (!resumed && resumed.error() == asio::error::operation_aborted) co_return resumed.error();
    if (resumed && *resumed && (*resumed)->size_bytes() == reading_.manifest.size_bytes)
        partial_ = std::move(*resumed);
    for (ByteRange& range : ranges) {
        auto given = co_await read(range, sink);
        if (!given) co_return given;
    }
    co_return co_await give_pieces(sink);
}

std::uint64_t RangeReader::end_of(const ByteRange& range) const {
    const std::uint64_t size = reading_.manifest.size_bytes;
    return std::min(range.end.value_or(size), size);
}

std::size_t RangeReader::part_at(std::uint64_t at) const {
    const auto& parts = reading_.manifest.chunks;
    const auto behind = std::ranges::upper_bound(parts, at, {}, &proto::ManifestChunk::start_bytes);
    return static_cast<std::size_t>(behind - parts.begin()) - 1;
}

bool RangeReader::wants_pieces(const proto::ManifestChunk& part, std::uint64_t start,
                               std::uint64_t end) const {
    if (reading_.manifest.piece_lists.empty()) return false;
    return start > part.start_bytes || end < part.end_bytes;
}

// What is to be cut out of pieces is left in wants_, if there is room, to be given with more.
Task<Result<void>> RangeReader::read(ByteRange& range, ByteSink sink) {
    const auto& parts = reading_.manifest.chunks;
    const std::uint64_t end = end_of(range);
    for (std::uint64_t at = range.start; at < end;) {
        const std::size_t first = part_at(at);
        const std::uint64_t part_end = std::min(parts[first].end_bytes, end);
        if (wants_pieces(parts[first], at, part_end)) {
            // One want is never larger than may be held.
            const std::uint64_t want_end =
                std::min(part_end, at + max_wanted_pieces / 2 * proto::piece_bytes);
            if (wanted_pieces_ + (want_end - at) / proto::piece_bytes + 2 > max_wanted_pieces) {
                auto given = co_await give_pieces(sink);
                if (!given) co_return given;
            }
            wanted_pieces_ += (want_end - at) / proto::piece_bytes + 2;
            wants_.push_back({&range, want_end});
            at = want_end;
            continue;
        }
        auto before = co_await give_pieces(sink);
        if (!before) co_return before;
        std::size_t last = first;
        while (last + 1 < parts.size() && parts[last + 1].start_bytes < end &&
               !wants_pieces(parts[last + 1], parts[last + 1].start_bytes,
                             std::min(parts[last + 1].end_bytes, end)))
            ++last;
        auto given = co_await give_parts(range, first, last, sink);
        if (!given) co_return given;
        at = range.start;
    }
    co_return ok;
}

// ---- whole parts ----

Task<Result<void>> RangeReader::give_parts(ByteRange& range, std::size_t first, std::size_t last,
                                           ByteSink sink) {
    const auto& parts = reading_.manifest.chunks;
    const std::uint64_t end = std::min(parts[last].end_bytes, end_of(range));
    while (range.start < end) {
        std::size_t number = part_at(range.start);
        const std::uint64_t part_end = std::min(parts[number].end_bytes, end);
        if (holds(range.start, part_end)) {
            auto given = co_await give_kept(range, part_end, sink);
            if (given || given.error() != Errc::not_found) {
                if (!given) co_return given;
                continue;
            }
        }
        first = number;
        while (number < last &&
               !holds(parts[number + 1].start_bytes, std::min(parts[number + 1].end_bytes, end)))
            ++number;
        auto given = co_await fetch_parts(range, first, number, sink);
        if (!given) co_return given;
    }
    co_return ok;
}

// Errc::not_found if what was kept is not there any more.
Task<Result<void>> RangeReader::give_kept(ByteRange& range, std::uint64_t end, ByteSink sink) {
    while (range.start < end) {
        const std::uint64_t step_end = std::min(end, range.start + kept_step_bytes);
        auto bytes = co_await kept(range.start, step_end);
        if (!bytes) co_return Errc::not_found;
        auto taken = co_await sink(*bytes);
        if (!taken) co_return taken;
        range.start = step_end;
    }
    co_return ok;
}

// Of the first and last part all is fetched and kept, whatever is wanted of them: nothing less of
// them can be verified.
Task<Result<void>> RangeReader::fetch_parts(ByteRange& range, std::size_t first, std::size_t last,
                                            ByteSink sink) {
    const auto& parts = reading_.manifest.chunks;
    proto::Manifest manifest{reading_.manifest.size_bytes, reading_.manifest.sha1, {}};
    const auto begin = parts.begin() + static_cast<std::ptrdiff_t>(first);
    manifest.chunks.assign(begin, begin + static_cast<std::ptrdiff_t>(last - first + 1));
    const proto::FileRange all{parts[first].start_bytes, parts[last].end_bytes};
    const std::uint64_t end = std::min(all.end_bytes, end_of(range));
    std::uint64_t at = all.start_bytes;
    const ByteSink keep_and_give = [&](ByteView bytes) -> Task<Result<void>> {
        std::vector<KeptBytes> fresh(1);
        fresh[0].start = at;
        fresh[0].bytes.assign(bytes.begin(), bytes.end());
        co_await keep(std::move(fresh));
        const std::uint64_t from = std::clamp(range.start, at, at + bytes.size());
        const std::uint64_t to = std::clamp(end, from, at + bytes.size());
        const ByteView wanted = bytes.subspan(from - at, to - from);
        at += bytes.size();
        if (wanted.empty()) co_return ok;
        auto taken = co_await sink(wanted);
        if (taken) range.start = to;
        co_return taken;
    };
    RangeFetch fetch(parts_, reading_.file, proto::RangeDownload(std::move(manifest), all),
                     reading_.hints, diagnosis_);
    auto fetched = co_await fetch.run(keep_and_give);
    learn(fetch.givers());
    co_return fetched;
}

// ---- pieces ----

// All that is in wants_.
Task<Result<void>> RangeReader::give_pieces(ByteSink sink) {
    if (wants_.empty()) co_return ok;
    auto collected = co_await collect_pieces();
    // Who is there and gives no slices is known by now.
    const bool nobody = reading_.hints.empty();
    if (!collected && (collected.error() != Errc::not_found || nobody)) co_return collected;
    for (const Want& want : wants_) {
        ByteRange& range = *want.range;
        while (range.start < want.end) {
            const PieceNumber number = range.start / proto::piece_bytes;
            const auto found = pieces_.find(number);
            if (found == pieces_.end()) {
                // Nobody gives it alone.
                const std::size_t part = part_at(range.start);
                ByteRange cut{range.start, want.end};
                auto given = co_await give_parts(cut, part, part, sink);
                range.start = cut.start;
                if (!given) co_return given;
                continue;
            }
            const std::uint64_t begin = number * proto::piece_bytes;
            const std::uint64_t end = std::min(want.end, begin + found->second.size());
            const ByteView bytes =
                ByteView(found->second).subspan(range.start - begin, end - range.start);
            auto taken = co_await sink(bytes);
            if (!taken) co_return taken;
            range.start = end;
        }
    }
    wants_.clear();
    pieces_.clear();
    wanted_pieces_ = 0;
    co_return ok;
}

// Into pieces_: from the partial, and what is not there from others.
Task<Result<void>> RangeReader::collect_pieces() {
    std::vector<proto::ManifestChunk> missing;
    std::map<ByteRange*, std::uint64_t> starts;  // of a range, behind its wants before
    std::set<PieceNumber> seen;
    for (const Want& want : wants_) {
        std::uint64_t& at = starts.try_emplace(want.range, want.range->start).first->second;
        const PieceNumber last = (want.end - 1) / proto::piece_bytes;
        for (PieceNumber number = at / proto::piece_bytes; number <= last; ++number) {
            if (!seen.insert(number).second) continue;
            const std::uint64_t start = number * proto::piece_bytes;
            const std::uint64_t end =
                std::min(start + proto::piece_bytes, reading_.manifest.size_bytes);
            if (holds(start, end)) {
                auto bytes = co_await kept(start, end);
                if (bytes) pieces_.insert_or_assign(number, std::move(*bytes));
                if (bytes) continue;
            }
            auto known = co_await piece(number);
            if (!known) co_return known.error();
            missing.push_back(*known);
        }
        at = want.end;
    }
    if (missing.empty()) co_return ok;
    co_return co_await fetch_pieces(std::move(missing));
}

Task<Result<void>> RangeReader::fetch_pieces(std::vector<proto::ManifestChunk> missing) {
    std::vector<KeptBytes> fresh;
    std::size_t next = 0;
    const std::vector<proto::ManifestChunk> order = missing;
    const ByteSink take = [&](ByteView bytes) -> Task<Result<void>> {
        const std::uint64_t start = order[next++].start_bytes;
        ByteVector piece(bytes.begin(), bytes.end());
        fresh.push_back({start, piece});
        pieces_.insert_or_assign(start / proto::piece_bytes, std::move(piece));
        if (fresh.size() < pieces_kept_at_once) co_return ok;
        std::vector<KeptBytes> full = std::exchange(fresh, {});
        co_await keep(std::move(full));
        co_return ok;
    };
    PieceFetch fetch(parts_, reading_.file,
                     proto::PieceDownload(reading_.manifest.size_bytes, std::move(missing)),
                     reading_.hints, diagnosis_);
    auto fetched = co_await fetch.run(take);
    learn(fetch.givers());
    if (!fetched && fetched.error() == asio::error::operation_aborted) co_return fetched;
    co_await keep(std::move(fresh));
    co_return fetched;
}

Task<Result<proto::ManifestChunk>> RangeReader::piece(PieceNumber number) {
    const std::uint64_t list = number / proto::pieces_per_list;
    if (!lists_.contains(list)) {
        const Sha1 sha1 = reading_.manifest.piece_lists[static_cast<std::size_t>(list)];
        auto bytes = co_await reading_.read_list(sha1);
        if (!bytes) co_return bytes.error();
        auto pieces = proto::pieces_of(reading_.manifest.size_bytes, list, *bytes);
        if (!pieces) co_return Errc::not_found;  // the manifest names something else
        if (lists_.size() >= max_held_lists) lists_.clear();
        lists_.emplace(list, std::move(*pieces));
    }
    co_return lists_.at(list)[static_cast<std::size_t>(number % proto::pieces_per_list)];
}

// ---- what is kept ----

bool RangeReader::holds(std::uint64_t start, std::uint64_t end) const {
    return partial_ && partial_->holds(reading_.manifest_sha1, {start, end});
}

Task<Result<ByteVector>> RangeReader::kept(std::uint64_t start, std::uint64_t end) {
    const Partial::Range range{start, end};
    auto read = [partial = partial_, manifest = reading_.manifest_sha1, range] {
        return partial->kept(manifest, range);
    };
    co_return co_await offload(parts_.share.runtime.pool, std::move(read));
}

// A reader gets its bytes also where they cannot be kept.
Task<> RangeReader::keep(std::vector<KeptBytes> fresh) {
    if (!keeping_ || fresh.empty()) co_return;
    std::error_code failure;
    if (!partial_) {
        auto opened = co_await parts_.inventory.desk().open(
            reading_.file, reading_.manifest.size_bytes, Partial::Wanted::ranges);
        if (opened)
            partial_ = std::move(*opened);
        else
            failure = opened.error();
    }
    if (partial_) {
        auto write = [partial = partial_, manifest = reading_.manifest_sha1,
                      fresh = std::move(fresh)]() -> Result<void> {
            for (const KeptBytes& each : fresh)
                if (auto kept = partial->keep(manifest, each.start, each.bytes); !kept) return kept;
            return ok;
        };
        auto written = co_await offload(parts_.share.runtime.pool, std::move(write));
        if (!written) failure = written.error();
    }
    if (!failure || failure == asio::error::operation_aborted) co_return;
    keeping_ = false;
    parts_.share.runtime.log("share", "what is read of " + reading_.file.hex() +
                                          " cannot be kept: " + failure.message());
}

void RangeReader::learn(std::vector<NodeId> givers) {
    for (const NodeId& node : givers)
        if (std::ranges::find(reading_.hints, node) == reading_.hints.end() &&
            reading_.hints.size() < max_hints)
            reading_.hints.push_back(node);
}

}  // namespace kp2p
