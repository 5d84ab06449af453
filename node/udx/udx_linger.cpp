#include "node/udx/udx_linger.hpp"

#include <algorithm>

namespace kp2p {
namespace {

using namespace std::chrono_literals;

// A peer repeats an END after 1, 3 and 5 seconds.
constexpr Clock::Span linger_time = 6s;
constexpr Clock::Span repeat_interval = 5ms;
// What a peer that still waits for something sends.
constexpr std::uint8_t asking =
    proto::udx::flag::data | proto::udx::flag::end | proto::udx::flag::heartbeat;

}  // namespace

void UdxLinger::drop_old(Clock::Time now) {
    while (!ends_.empty() && (ends_.front().first <= now || entries_.size() >= max_entries)) {
        const auto found = entries_.find(ends_.front().second);
        if (found != entries_.end() && found->second.until == ends_.front().first)
            entries_.erase(found);
        ends_.pop_front();
    }
}

void UdxLinger::add(Clock::Time now, std::uint32_t id, Entry entry) {
    drop_old(now);
    entry.until = now + linger_time;
    ends_.emplace_back(entry.until, id);
    if (entry.repeats_left > 0) repeats_.emplace_back(now + repeat_interval, id);
    entries_.insert_or_assign(id, entry);
}

bool UdxLinger::answer(Clock::Time now, const proto::udx::Header& header) {
    const auto found = entries_.find(header.receiver_id);
    if (found == entries_.end() || found->second.until < now) return false;
    Entry& entry = found->second;
    if (!header.has(asking)) return true;
    if (entry.answers_left-- > 0) entry.socket->send(entry.remote, entry.word);
    return true;
}

void UdxLinger::repeat(Clock::Time now) {
    while (!repeats_.empty() && repeats_.front().first <= now) {
        const std::uint32_t id = repeats_.front().second;
        repeats_.pop_front();
        const auto found = entries_.find(id);
        if (found == entries_.end()) continue;
        Entry& entry = found->second;
        entry.socket->send(entry.remote, entry.word);
        if (--entry.repeats_left > 0) repeats_.emplace_back(now + repeat_interval, id);
    }
}

std::optional<Clock::Time> UdxLinger::deadline() const {
    if (repeats_.empty()) return {};
    return repeats_.front().first;
}

void UdxLinger::forget(const Datagrams& socket) {
    std::erase_if(entries_, [&](const auto& item) { return item.second.socket == &socket; });
}

}  // namespace kp2p
