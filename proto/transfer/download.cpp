#include "proto/transfer/download.hpp"

#include <algorithm>
#include <utility>

#include "proto/file/links.hpp"
#include "proto/outcome.hpp"
#include "proto/transfer/have_bits.hpp"

namespace kp2p::proto {
namespace {

bool is_last(const ChunkCheck& check) { return check.index + 1 == chunk_count(check.file_bytes); }

}  // namespace

void Download::resume(std::uint64_t size_bytes, const std::vector<StoredChunk>& chunks) {
    chain_.know_size(size_bytes);
    for (const StoredChunk& chunk : chunks) {
        if (chunk.index + 1 == chunk_count(size_bytes))
            chain_.prove_last(size_bytes, chunk.link, chain_.file());
        else
            chain_.add(chunk.index, own_storage, chunk.link, chunk.next);
    }
    judge();
}

void Download::add_source(Time now, SourceKey key, Offer offer) {
    const std::uint64_t size = offer.size_bytes;
    const auto proven = chain_.size_bytes();
    if (size == 0 || size > max_file_bytes || (proven && *proven != size))
        return drop(key, Fault::wrong_size, 0);
    if (offer.have && offer.have->size() != have_bytes(chunk_count(size)))
        return drop(key, Fault::bad_message, 0);
    const auto [at, added] = sources_.try_emplace(key, now, std::move(offer));
    if (!added) return;
    if (!proven) claims_.try_emplace(size);
    if (at->second.offer().last_follows) expect_last(now, key, at->second);
    go_on(now);
}

void Download::remove_source(Time now, SourceKey key) {
    if (!sources_.contains(key)) return;
    release(key);
    go_on(now);
}

void Download::retire(SourceKey key) {
    if (const auto found = sources_.find(key); found != sources_.end()) found->second.retire();
}

bool Download::owes(SourceKey key) const {
    const auto found = sources_.find(key);
    return found != sources_.end() && !found->second.receiving().empty();
}

void Download::heard(SourceKey key, Time at) {
    if (const auto found = sources_.find(key); found != sources_.end()) found->second.heard(at);
}

void Download::have(Time now, SourceKey key, ChunkIndex index) {
    const auto found = sources_.find(key);
    if (found == sources_.end()) return;
    if (index >= chunk_count(found->second.offer().size_bytes)) return misbehaved(now, key);
    found->second.learn(now, index);
    go_on(now);
}

void Download::have_unproven(Time now, SourceKey key, ChunkIndex index) {
    const auto found = sources_.find(key);
    if (found == sources_.end()) return;
    if (index >= chunk_count(found->second.offer().size_bytes)) return misbehaved(now, key);
    found->second.learn_unproven(now, index);
    go_on(now);
}

void Download::receive(Time now, SourceKey key, const Data& data, Payload payload) {
    const auto found = sources_.find(key);
    if (found == sources_.end()) return;
    auto whole = found->second.receive(now, data, std::move(payload));
    if (!whole) return misbehaved(now, key);
    if (*whole) start_check(key, std::move(**whole));
    go_on(now);
}

void Download::canceled(Time now, SourceKey key, ChunkIndex index) {
    const auto found = sources_.find(key);
    if (found == sources_.end()) return;
    if (!found->second.canceled(now, index)) return misbehaved(now, key);
    go_on(now);
}

void Download::misbehaved(Time now, SourceKey key) {
    drop(key, Fault::bad_message, 0);
    go_on(now);
}

// Which the chunk will prove or refute.
Download::Claims::iterator Download::claim_of(const ChunkCheck& chunk) {
    return is_last(chunk) ? claims_.find(chunk.file_bytes) : claims_.end();
}

void Download::start_check(SourceKey key, ChunkCheck chunk) {
    if (const auto claim = claim_of(chunk); claim != claims_.end()) {
        ++claim->second.checking;
        claim->second.asked.reset();
    }
    auto check = std::make_shared<const ChunkCheck>(std::move(chunk));
    jobs_.emplace(next_job_, Job{key, check});
    events_.push_back(CheckChunk{next_job_++, std::move(check)});
}

void Download::checked(Time now, std::uint64_t job_number, Result<CheckedChunk> result) {
    const auto found = jobs_.find(job_number);
    if (found == jobs_.end()) return;
    const Job job = std::move(found->second);
    jobs_.erase(found);
    if (const auto claim = claim_of(*job.check); claim != claims_.end()) --claim->second.checking;
    if (!liars_.contains(job.source)) {
        const auto request = requested_.find(job.check->index);
        if (request != requested_.end() && request->second == job.source) requested_.erase(request);
        if (result)
            learn(job, std::move(*result));
        else
            wrong(job.source, job.check->index,
                  result.error() == kp2p::Errc::sha1_collision ? Fault::collision
                                                               : Fault::wrong_chunk);
    }
    go_on(now);
}

void Download::learn(const Job& job, CheckedChunk checked) {
    const ChunkIndex index = job.check->index;
    auto chunk = std::make_shared<const CheckedChunk>(std::move(checked));
    if (is_last(*job.check)) return learn_last(job, std::move(chunk));
    if (chain_.holds(index)) return;
    const auto source = sources_.find(job.source);
    const bool trusted = source == sources_.end() || source->second.trusted();
    if (trust_.covers(index, job.source) && !trusted) return;
    chain_.add(index, job.source, job.check->link, chunk->next);
    ahead_.emplace(index, Ahead{job.source, std::move(chunk)});
    judge();
    hold(index, job.check->link);
}

// What is not judged yet, if somebody may want it.
void Download::hold(ChunkIndex index, const Sha1Link& link) {
    const auto ahead = ahead_.find(index);
    const auto gets_it = [](const auto& entry) { return entry.second.offer().have.has_value(); };
    if (ahead == ahead_.end() || std::ranges::none_of(sources_, gets_it)) return;
    events_.push_back(HoldChunk{index, link, ahead->second.chunk});
}

void Download::learn_last(const Job& job, std::shared_ptr<const CheckedChunk> chunk) {
    const ChunkCheck& check = *job.check;
    const bool size_known = chain_.size_bytes().has_value();
    const bool known = size_known && chain_.holds(check.index);
    if (!chain_.prove_last(check.file_bytes, check.link, chunk->whole))
        return wrong(job.source, check.index);
    if (known) return;
    store(check.index, check.link, std::move(chunk));
    if (!size_known) settle_size();
    judge();
}

void Download::settle_size() {
    claims_.clear();
    std::vector<SourceKey> wrong;
    for (auto& [key, source] : sources_) {
        if (source.offer().size_bytes != *chain_.size_bytes()) wrong.push_back(key);
        for (const auto& [index, receiving] : source.receiving())
            if (!receiving.canceling && !requested_.contains(index)) call_off(key, source, index);
    }
    for (SourceKey key : wrong) drop(key, Fault::wrong_size, 0);
}

void Download::judge() {
    while (const auto judged = chain_.judge()) {
        auto held = ahead_.extract(judged->index);
        if (judged->right) {
            mixed_.erase(judged->index);
            trust_.proven(judged->index);
            if (held) store(judged->index, judged->link, std::move(held.mapped().chunk));
        } else if (judged->source != own_storage) {
            events_.push_back(LetGoChunk{judged->index});
            if (trust_.covers(judged->index, judged->source))
                misled(judged->source, judged->index);
            else
                wrong(judged->source, judged->index);
        }
    }
}

// By one who could not know better, or says so.
void Download::misled(SourceKey key, ChunkIndex index) {
    const auto found = sources_.find(key);
    if (found == sources_.end()) return;
    found->second.distrust();
    if (trust_.misled(found->second.offer().node)) drop(key, Fault::wrong_chunk, index);
}

void Download::wrong(SourceKey key, ChunkIndex index, Fault fault) {
    if (mixed_.erase(index) == 0) return drop(key, fault, index);
    events_.push_back(DoubtMixed{index});
}

void Download::store(ChunkIndex index, const Sha1Link& link,
                     std::shared_ptr<const CheckedChunk> chunk) {
    ++unstored_;
    ++proven_chunks_;
    events_.push_back(StoreChunk{index, *chain_.size_bytes(), link, std::move(chunk)});
}

void Download::stored(Time now, ChunkIndex) {
    --unstored_;
    go_on(now);
}

void Download::drop(SourceKey key, Fault fault, ChunkIndex index) {
    if (!liars_.insert(key).second) return;
    events_.push_back(DropSource{key, fault, index});
    release(key);
    std::erase_if(requested_, [&](const auto& request) { return request.second == key; });
    std::erase_if(ahead_, [&](const auto& entry) {
        const bool theirs = entry.second.source == key;
        if (theirs) events_.push_back(LetGoChunk{entry.first});
        return theirs;
    });
    chain_.forget(key);
}

void Download::release(SourceKey key) {
    const auto found = sources_.find(key);
    if (found == sources_.end()) return;
    for (const auto& [index, receiving] : found->second.receiving()) {
        const auto request = requested_.find(index);
        if (request != requested_.end() && request->second == key) requested_.erase(request);
    }
    sources_.erase(found);
    for (auto& [size, claim] : claims_)
        if (claim.asked == key) claim.asked.reset();
}

void Download::expire(Time now) {
    std::vector<SourceKey> stalled;
    for (const auto& [key, source] : sources_)
        if (!source.receiving().empty() && now - source.active() >= stall_span)
            stalled.push_back(key);
    for (SourceKey key : stalled) {
        events_.push_back(SourceStalled{key});
        release(key);
    }
    go_on(now);
}

std::optional<Download::Time> Download::deadline() const {
    std::optional<Time> first = tick_;
    for (const auto& [key, source] : sources_)
        if (!source.receiving().empty())
            first = std::min(first.value_or(Time::max()), source.active() + stall_span);
    return first;
}

std::vector<Download::Event> Download::take_events() { return std::exchange(events_, {}); }

std::size_t Download::giving() const {
    return static_cast<std::size_t>(
        std::count_if(sources_.begin(), sources_.end(),
                      [](const auto& s) { return s.second.outstanding() > 0; }));
}

}  // namespace kp2p::proto
