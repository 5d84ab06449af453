// The half of Partial that keeps ranges which are verified by a manifest.

#include <algorithm>

#include "node/store/partial.hpp"
#include "node/store/sweep.hpp"

namespace kp2p {

Result<void> Partial::keep(const Sha1& manifest, std::uint64_t start, ByteView bytes) {
    if (bytes.empty() || bytes.size() > RangeRecord::max_bytes || start >= size_bytes_ ||
        bytes.size() > size_bytes_ - start)
        return proto::Errc::bad_value;
    const Range whole{start, start + bytes.size()};
    const std::unique_lock placing(placing_);
    if (committed_ || holds(manifest, whole)) return ok;
    // Not over a proven chunk, to which a manifest that lies could do harm.
    for (std::uint64_t at = start; at < whole.end;) {
        const std::uint64_t index = at / proto::chunk_bytes;
        const std::uint64_t next = std::min((index + 1) * proto::chunk_bytes, whole.end);
        if (!has(index)) {
            const ByteView part = bytes.subspan(at - start, next - at);
            const RangeRecord range{at, part.size(), manifest, proto::content_sum(part)};
            auto written = with_room(layout_, [&] { return data_.write_at(at, part); });
            if (!written) return storage_error(written.error(), place_.data_path);
            const std::lock_guard lock(mutex_);
            auto noted = with_room(layout_, [&] { return place_.journal.append(range); });
            if (!noted) return storage_error(noted.error(), place_.journal_path);
            for (auto each = ranges_.lower_bound(at); each != ranges_.lower_bound(next);)
                each = each->second.end() <= next ? ranges_.erase(each) : std::next(each);
            ranges_.insert_or_assign(at, range);
        }
        at = next;
    }
    return ok;
}

std::optional<Partial::Cover> Partial::cover(const Sha1& manifest, std::uint64_t at) const {
    // Of ranges that overlap a few are looked at.
    constexpr int max_looked_at = 4;
    const std::lock_guard lock(mutex_);
    const std::uint64_t index = at / proto::chunk_bytes;
    if (const auto chunk = kept_.find(index); chunk != kept_.end())
        return Cover{chunk->second, {}, std::min((index + 1) * proto::chunk_bytes, size_bytes_)};
    auto range = ranges_.upper_bound(at);
    for (int i = 0; i < max_looked_at && range != ranges_.begin(); ++i) {
        --range;
        if (range->second.end() > at && range->second.manifest == manifest)
            return Cover{std::nullopt, range->second, range->second.end()};
    }
    return std::nullopt;
}

bool Partial::holds(const Sha1& manifest, Range range) const {
    for (std::uint64_t at = range.start; at < range.end;) {
        const auto covered = cover(manifest, at);
        if (!covered) return false;
        at = covered->end;
    }
    return range.end <= size_bytes_;
}

Result<ByteVector> Partial::kept(const Sha1& manifest, Range range) const {
    ByteVector bytes;
    for (std::uint64_t at = range.start; at < range.end;) {
        const auto covered = cover(manifest, at);
        if (!covered) return Errc::not_found;
        auto read = covered->chunk ? read_checked(*covered->chunk) : read_checked(covered->range);
        if (!read && !covered->chunk) forget(covered->range);
        if (!read) return read.error();
        const std::uint64_t begin = covered->chunk
                                        ? covered->chunk->chunk.index * proto::chunk_bytes
                                        : covered->range.start;
        const std::uint64_t end = std::min(covered->end, range.end);
        const ByteView part = ByteView(*read).subspan(at - begin, end - at);
        bytes.insert(bytes.end(), part.begin(), part.end());
        at = end;
    }
    return bytes;
}

bool Partial::has_pieces_of(std::uint64_t index) const {
    const std::lock_guard lock(mutex_);
    const auto first = ranges_.lower_bound(index * proto::chunk_bytes);
    return first != ranges_.end() && first->first < (index + 1) * proto::chunk_bytes;
}

Partial::Pieces Partial::pieces_of(std::uint64_t index) const {
    const std::uint64_t begin = index * proto::chunk_bytes;
    Pieces pieces;
    pieces.bytes.resize(static_cast<std::size_t>(proto::chunk_size_bytes(size_bytes_, index)));
    const std::uint64_t end = begin + pieces.bytes.size();
    std::vector<RangeRecord> records;
    {
        const std::lock_guard lock(mutex_);
        for (auto each = ranges_.lower_bound(begin); each != ranges_.lower_bound(end); ++each)
            records.push_back(each->second);
    }
    std::uint64_t at = begin;
    for (const RangeRecord& record : records) {
        if (record.start < at || record.end() > end) continue;
        auto bytes = read_checked(record);
        if (!bytes) continue;
        if (record.start > at) pieces.missing.push_back({at, record.start});
        std::copy(bytes->begin(), bytes->end(),
                  pieces.bytes.begin() + static_cast<std::ptrdiff_t>(record.start - begin));
        at = record.end();
    }
    if (at < end) pieces.missing.push_back({at, end});
    return pieces;
}

// What is there is something else by now.
void Partial::forget(const RangeRecord& range) const {
    const std::lock_guard lock(mutex_);
    const auto found = ranges_.find(range.start);
    if (found != ranges_.end() && found->second.content_hash == range.content_hash)
        ranges_.erase(found);
}

Result<BulkBytes> Partial::read_checked(const RangeRecord& range) const {
    BulkBytes bytes(static_cast<std::size_t>(range.length));
    auto size = data_.read_at(range.start, bytes);
    if (!size) return storage_error(size.error(), place_.data_path);
    if (*size != bytes.size()) return Errc::not_found;
    if (proto::content_sum(bytes) != range.content_hash) return Errc::not_found;
    return bytes;
}

}  // namespace kp2p
