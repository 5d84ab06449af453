#include "proto/udx/reassembly.hpp"

#include <algorithm>
#include <limits>

namespace kp2p::proto::udx {
namespace {

// A sender may have filled the window that we announced before it shrank.
constexpr std::size_t slack_bytes = 256 * 1024;
// What holding a packet costs beside its bytes.
constexpr std::size_t stored_overhead_bytes = 128;

}  // namespace

Reassembly::Reassembly(std::uint64_t first_seq, std::size_t window_bytes)
    : limit_bytes_(window_bytes),
      next_seq_(first_seq),
      end_seq_(std::numeric_limits<std::uint64_t>::max()) {}

std::size_t Reassembly::window_bytes() const {
    const std::size_t held = readable_.size() + ahead_bytes_;
    return held < limit_bytes_ ? limit_bytes_ - held : 0;
}

bool Reassembly::accept(const Arrival& arrival) {
    const std::uint64_t seq = arrival.seq;
    if (ended_ || seq < next_seq_ || seq > end_seq_) return true;
    const std::size_t held = readable_.size() + ahead_bytes_;
    if (seq == next_seq_) {
        // The packet that closes a gap must find room even when what waits behind it took it all.
        if (readable_.size() > limit_bytes_ + slack_bytes) return false;
        if (arrival.is_end) end_seq_ = seq;
        deliver(arrival.is_end, arrival.bytes);
        return true;
    }
    if (ahead_.contains(seq)) return true;
    if (seq - next_seq_ > max_packets_ahead || held > limit_bytes_ + slack_bytes) return false;
    // An end below what has arrived already contradicts it; the sender is broken.
    if (arrival.is_end && !ahead_.empty() && ahead_.rbegin()->first > seq) return false;
    if (arrival.is_end) end_seq_ = seq;
    ahead_.emplace_hint(
        ahead_.end(), seq,
        Stored{arrival.is_end, ByteVector(arrival.bytes.begin(), arrival.bytes.end())});
    ahead_bytes_ += arrival.bytes.size() + stored_overhead_bytes;
    note_range(seq);
    return true;
}

void Reassembly::deliver(bool is_end, ByteView bytes) {
    readable_.append(bytes);
    ended_ = is_end;
    ++next_seq_;
    if (ranges_.empty() || ranges_.begin()->first != next_seq_) return;
    for (auto it = ahead_.begin(); it != ahead_.end() && it->first == next_seq_ && !ended_;) {
        readable_.append(it->second.bytes);
        ended_ = it->second.is_end;
        ahead_bytes_ -= it->second.bytes.size() + stored_overhead_bytes;
        it = ahead_.erase(it);
        ++next_seq_;
    }
    ranges_.erase(ranges_.begin());
}

void Reassembly::note_range(std::uint64_t seq) {
    auto after = ranges_.upper_bound(seq);
    if (after != ranges_.begin()) {
        auto before = std::prev(after);
        if (before->second == seq) {
            ++before->second;
            if (after != ranges_.end() && after->first == before->second) {
                before->second = after->second;
                ranges_.erase(after);
            }
            return;
        }
    }
    std::uint64_t end = seq + 1;
    if (after != ranges_.end() && after->first == end) {
        end = after->second;
        after = ranges_.erase(after);
    }
    ranges_.emplace_hint(after, seq, end);
}

std::size_t Reassembly::write_sack(std::span<std::uint8_t> out) const {
    const std::size_t room = out.size() / sack_range_bytes;
    const std::size_t total = std::min(room, ranges_.size());
    const std::size_t from_front = ranges_.size() > room ? room / 2 : total;
    std::size_t count = 0;
    const auto put = [&](const auto& entry) {
        const SackRange range{static_cast<std::uint32_t>(entry.first),
                              static_cast<std::uint32_t>(entry.second)};
        write_sack_range(range, out.subspan(count * sack_range_bytes).first<sack_range_bytes>());
        ++count;
    };
    auto front = ranges_.begin();
    for (std::size_t i = 0; i < from_front; ++i, ++front) put(*front);
    auto back = ranges_.end();
    std::advance(back, -static_cast<std::ptrdiff_t>(total - from_front));
    for (; back != ranges_.end(); ++back) put(*back);
    return count;
}

}  // namespace kp2p::proto::udx
