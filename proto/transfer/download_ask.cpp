// The half of Download that decides which chunk is asked of whom.
#include <algorithm>
#include <tuple>
#include <utility>

#include "proto/file/links.hpp"
#include "proto/transfer/download.hpp"

namespace kp2p::proto {
namespace {

constexpr auto tick_span = std::chrono::milliseconds(200);
constexpr auto late_margin = std::chrono::milliseconds(200);
constexpr double late_factor = 2;
// What one waits for others to get, of the time that a chunk takes: what few give is shared out
// among all. A rate may be known from little, and a node may have ended that has got a part.
constexpr double stuck_factor = 3;
constexpr std::chrono::duration<double> max_stuck{30}, min_getting{1};
constexpr double first_guess = 1e6;  // bytes a second, before anybody's rate is known

std::chrono::duration<double> stuck_span(double bytes_per_second) {
    return std::chrono::duration<double>(stuck_factor * double(chunk_bytes) / bytes_per_second);
}

// Whether a node that has a part of the file gets more of it, at what who has the whole gives.
bool gets_on(Source::Time now, const Source& part, double bytes_per_second) {
    return now - part.learned() <= std::clamp(stuck_span(bytes_per_second), min_getting, max_stuck);
}

// The steps of SplitMix64: in which order nodes come for a chunk, and chunks for a node.
std::uint64_t weight(std::uint64_t node, ChunkIndex index) {
    std::uint64_t bits = node + (index + 1) * 0x9e3779b97f4a7c15;
    bits = (bits ^ (bits >> 30)) * 0xbf58476d1ce4e5b9;
    bits = (bits ^ (bits >> 27)) * 0x94d049bb133111eb;
    return bits ^ (bits >> 31);
}

}  // namespace

// The lowest chunk that may be asked for.
ChunkIndex Download::window_begin() const {
    const std::size_t grown = first_window + std::min<std::uint64_t>(proven_chunks_, max_window);
    const std::size_t all = std::min(grown, max_window);
    const std::size_t window = all - std::min(all, unstored_);
    return chain_.frontier() - std::min<ChunkIndex>(chain_.frontier(), window);
}

// One that has not given anything yet counts as the fastest, so that it gets its share at once; its
// silence soon shows if it is not.
double Download::rate_of(const Source& source) const {
    double rate = source.bytes_per_second();
    if (rate > 0) return rate;
    for (const auto& [key, other] : sources_) rate = std::max(rate, other.bytes_per_second());
    return rate > 0 ? rate : first_guess;
}

std::size_t Download::depth_of(const Source& source) const {
    const std::size_t fair = std::max(Source::min_depth, max_window / 2 / sources_.size());
    return std::min(Source::depth(rate_of(source)), fair);
}

bool Download::can_ask(const Source& source, ChunkIndex index) const {
    return !source.retired() && source.has(index) && !source.receiving().contains(index);
}

void Download::go_on(Time now) {
    may_ask_.begin();
    deferred_ = false;
    if (std::exchange(seen_frontier_, chain_.frontier()) != chain_.frontier()) moved_ = now;
    if (!chain_.size_bytes()) {
        for (auto& [size, claim] : claims_) ask_for_size(now, size, claim);
        ask_before_last(now);
    } else {
        while (ask_neediest(now)) {
        }
    }
    tick_.reset();
    if (sources_.size() > 1 && !chain_.complete()) tick_ = now + tick_span;
}

// It comes, so that it counts as asked for. Where another gives it already it is called off.
void Download::expect_last(Time now, SourceKey key, Source& source) {
    const std::uint64_t size = source.offer().size_bytes;
    const ChunkIndex last = chunk_count(size) - 1;
    if (!source.has(last)) return misbehaved(now, key);
    source.ask(now, last);
    const auto claim = claims_.find(size);
    if (claim == claims_.end() || claim->second.asked || claim->second.checking > 0)
        return call_off(key, source, last);
    claim->second.asked = claim->second.last_asked = key;
    claim->second.asked_at = now;
}

// One after whom another can be asked is given a second for the whole chunk. Who is asked then may
// be as slow as the first, so it is left only when nothing comes, and each time later.
Download::Time Download::patient_until(const Claim& claim) const {
    constexpr unsigned most_doublings = 4;
    const Span span = std::chrono::seconds(1) * (1 << std::min(claim.changes, most_doublings));
    if (claim.changes == 0) return claim.asked_at + span;
    return std::max(claim.asked_at, sources_.at(*claim.asked).active()) + span;
}

void Download::ask_for_size(Time now, std::uint64_t size_bytes, Claim& claim) {
    if (claim.checking > 0) return;
    if (claim.asked && now < patient_until(claim)) return;
    const ChunkIndex last = chunk_count(size_bytes) - 1;
    const auto suits = [&](const auto& entry) {
        return entry.second.offer().size_bytes == size_bytes && can_ask(entry.second, last);
    };
    // In turn: a claimant that did not answer in time is not asked again before the others.
    auto next = std::find_if(sources_.upper_bound(claim.last_asked), sources_.end(), suits);
    if (next == sources_.end()) next = std::find_if(sources_.begin(), sources_.end(), suits);
    if (next == sources_.end()) return;
    if (!may_ask_(next->first, chunk_size_bytes(size_bytes, last))) return;
    if (claim.asked) {
        call_off(*claim.asked, sources_.at(*claim.asked), last);
        ++claim.changes;
    }
    next->second.ask(now, last);
    events_.push_back(AskChunk{next->first, last});
    claim.asked = claim.last_asked = next->first;
    claim.asked_at = now;
}

// It will be wanted if the size is right; asking when that is known would take a round trip more.
void Download::ask_before_last(Time now) {
    if (claims_.size() != 1 || !requested_.empty()) return;
    const auto& [size, claim] = *claims_.begin();
    const ChunkIndex last = chunk_count(size) - 1;
    if (!claim.asked || last == 0 || chain_.holds(last - 1)) return;
    Source& source = sources_.at(*claim.asked);
    if (!can_ask(source, last - 1) || !may_ask_(*claim.asked, chunk_bytes)) return;
    ask(now, *claim.asked, source, last - 1);
}

// One chunk at a time, for the window may have room for no more: where it is scarce, taking the
// sources in any fixed order would leave the last ones nothing to do.
bool Download::ask_neediest(Time now) {
    struct Need {
        std::size_t outstanding, depth;
        std::uint64_t given_bytes;
        SourceKey key;
        bool operator<(const Need& other) const {
            const auto fill = outstanding * other.depth, other_fill = other.outstanding * depth;
            return std::tie(fill, given_bytes, key) <
                   std::tie(other_fill, other.given_bytes, other.key);
        }
    };
    std::vector<Need> needs;
    for (const auto& [key, source] : sources_) {
        const Need need{source.outstanding(), depth_of(source), source.given_bytes(), key};
        if (need.outstanding < need.depth) needs.push_back(need);
    }
    std::sort(needs.begin(), needs.end());
    return std::any_of(needs.begin(), needs.end(), [&](const Need& need) {
        Source& source = sources_.at(need.key);
        return ask_fresh(now, need.key, source) || ask_late(now, need.key, source);
    });
}

// Of all that are getting the file: whether one has the chunk already, and how many come before us
// to ask for it of who has the whole file. All of them come to the same answer, as far as they know
// of each other; one that has fallen behind, or gets nothing any more, does not count, as it would
// be waited for.
std::pair<bool, std::size_t> Download::turn(Time now, const Source& whole, ChunkIndex index) const {
    constexpr ChunkIndex behind = first_window / 2;
    const ChunkIndex reached = chain_.frontier() + behind;
    const std::uint64_t ours = weight(own_node_, index);
    const double rate = rate_of(whole);
    std::size_t before = 0;
    bool had = false;
    for (const auto& [key, source] : sources_) {
        if (!source.offer().have || source.retired()) continue;
        had = had || source.has(index);
        const bool keeps_up = reached >= chunk_count(*chain_.size_bytes()) || source.has(reached);
        if (keeps_up && gets_on(now, source, rate) && weight(source.offer().node, index) < ours)
            ++before;
    }
    return {had, before};
}

// Whether it is to be asked of anybody, and can be of this one.
bool Download::is_open(const Source& source, ChunkIndex index) const {
    return !chain_.holds(index) && !requested_.contains(index) && can_ask(source, index);
}

bool Download::ask_fresh(Time now, SourceKey key, Source& source) {
    const auto wanted = source.offer().have ? rarest_of(source) : best_of_whole(now, source);
    if (!wanted || !may_ask_(key, chunk_size_bytes(*chain_.size_bytes(), *wanted))) return false;
    ask(now, key, source, *wanted);
    return true;
}

// Of one that is getting the file, too: what the fewest have, and of that, where more of them are,
// not what the others take. If all took a chunk from the one who has it first, the rest would have
// nothing to give meanwhile. Alone, what is proven soonest.
std::optional<ChunkIndex> Download::rarest_of(const Source& source) const {
    const auto gets_it = [](const auto& entry) { return entry.second.offer().have.has_value(); };
    const bool is_crowd = std::ranges::count_if(sources_, gets_it) > 1;
    std::optional<ChunkIndex> rarest;
    std::pair<std::ptrdiff_t, std::uint64_t> least;
    for (ChunkIndex index = window_begin(); index < chain_.frontier(); ++index) {
        if (!is_open(source, index)) continue;
        const auto has = [index](const auto& entry) { return entry.second.has(index); };
        const std::uint64_t turn = is_crowd ? weight(own_node_, index) : chain_.frontier() - index;
        const std::pair rank(std::ranges::count_if(sources_, has), turn);
        if (rarest && rank > least) continue;
        rarest = index;
        least = rank;
    }
    return rarest;
}

std::optional<ChunkIndex> Download::best_of_whole(Time now, const Source& source) {
    const bool scarce = is_scarce(source), stuck = is_stuck(now, source);
    std::optional<ChunkIndex> had, theirs;
    std::size_t before_had = 0, before_theirs = 0;
    const ChunkIndex lowest = window_begin();
    for (ChunkIndex index = chain_.frontier(); index-- > lowest;) {
        if (!is_open(source, index)) continue;
        const auto [is_had, before] = turn(now, source, index);
        if (!is_had && before == 0) return index;  // ours
        if (is_had && !had) {
            had = index;
            before_had = before;
        }
        // What the other asks for last; what all wait for only when nothing gets on.
        if (!is_had && (!theirs || !stuck)) {
            theirs = index;
            before_theirs = before;
        }
    }
    if (had && !scarce) return had;
    // What another has or should ask for is asked for by who has little else to wait for: the other
    // may never give it. Of one whose rate all others wait for only when nothing gets on.
    const bool waits = scarce ? !is_stuck(now, source, had ? before_had : before_theirs)
                              : 2 * source.outstanding() >= depth_of(source);
    if (waits) {
        deferred_ |= had || theirs;
        return std::nullopt;
    }
    return had ? had : theirs;
}

// Whether those who are getting the file give faster, together, than this one who has it.
bool Download::is_scarce(const Source& source) const {
    double others = 0;
    for (const auto& [key, other] : sources_)
        if (other.offer().have && !other.retired()) others += other.bytes_per_second();
    return !source.offer().have && others > rate_of(source);
}

// Whether nothing was proven for longer than `source` takes for a few chunks, for each before us,
// as all would ask for the same chunk at once.
bool Download::is_stuck(Time now, const Source& source, std::size_t before_us) const {
    return now - moved_ > std::min(double(1 + before_us) * stuck_span(rate_of(source)), max_stuck);
}

bool Download::ask_late(Time now, SourceKey key, Source& source) {
    for (auto request = requested_.rbegin(); request != requested_.rend(); ++request) {
        const auto [index, other_key] = *request;
        const auto other = sources_.find(other_key);
        if (other_key == key || other == sources_.end() || !can_ask(source, index)) continue;
        if (!other->second.receiving().contains(index)) continue;  // being checked
        const bool gets_it = other->second.offer().have.has_value();
        if (gets_it && is_scarce(source) && !is_stuck(now, source)) continue;
        const auto there = other->second.expected(now, index, rate_of(other->second));
        const auto here = source.expected(now, index, rate_of(source));
        if (there < late_factor * here + late_margin) continue;
        if (!may_ask_(key, chunk_size_bytes(*chain_.size_bytes(), index))) return false;
        call_off(other_key, other->second, index);
        ask(now, key, source, index);
        return true;
    }
    return false;
}

void Download::ask(Time now, SourceKey key, Source& source, ChunkIndex index) {
    source.ask(now, index);
    requested_[index] = key;
    trust_.asked(index, key, source);
    events_.push_back(AskChunk{key, index});
}

void Download::call_off(SourceKey key, Source& source, ChunkIndex index) {
    source.call_off(index);
    events_.push_back(CallOff{key, index});
}

}  // namespace kp2p::proto
