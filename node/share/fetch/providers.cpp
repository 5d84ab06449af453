#include "node/share/fetch/providers.hpp"

#include <algorithm>

#include "node/share/channels/peers.hpp"
#include "node/share/fetch/provided_file.hpp"

namespace kp2p {
namespace {

using namespace std::chrono_literals;

constexpr int max_attempts = 4;                             // at a node that has not given anything
constexpr Clock::Span first_pause = 100ms, max_pause = 4s;  // before the next, twice as long each

constexpr auto hint_patience = 1s;    // before a search, when there are hints
constexpr auto quiet_span = 5s;       // nothing comes: search anew
constexpr auto quiet_interval = 10s;  // between searches then
// And otherwise, while there are few providers: soon at first, for those who begin to get the file
// when we do, who can give what we lack; then twice as long each.
constexpr Clock::Span first_interval = 1s, max_interval = 60s;
constexpr std::size_t few_providers = 4;

// For hashing it where it has no links yet: a slow disk, and files before it.
constexpr Clock::Span preparing_base = 60s, max_preparing = 60min;
constexpr std::uint64_t slowest_hashing = 5'000'000;  // bytes a second
constexpr std::size_t max_troubles = 64;

}  // namespace

Providers::Providers(FetchParts parts, const Sha1& file, Diagnosis& diagnosis, Event& changed,
                     Use use)
    : parts_(parts),
      file_(file),
      diagnosis_(diagnosis),
      changed_(changed),
      use_(std::move(use)),
      outage_(parts.outage),
      search_interval_(first_interval),
      started_(parts.share.runtime.clock.now()),
      moved_(started_) {}

void Providers::start(Tasks& tasks) { tasks_ = &tasks; }

void Providers::stop() {
    tasks_ = nullptr;
    search_.reset();
}

void Providers::hear(const NodeId& node) {
    using Reach = TryQueue::Reach;
    if (!tasks_ || node == parts_.share.own || blamed_.contains(node)) return;
    if (!heard_any_ && !search_) started_ = moved_ = parts_.share.runtime.clock.now();
    heard_any_ = true;
    guessed_.erase(node);
    const Reach reach = parts_.hood.proven(node) ? Reach::neighbour : Reach::distant;
    if (queue_.hear(node, reach)) tasks_->spawn(attach(node));
}

void Providers::hear(const proto::Providing& what) {
    if (claims_.size() < TryQueue::max_heard || claims_.contains(what.node)) {
        Claim& claim = claims_[what.node];
        claim.size_bytes = std::max(claim.size_bytes, what.size_bytes);
    }
    hear(what.node);
}

void Providers::begin(const std::vector<NodeId>& likely) {
    for (const NodeId& node : likely) hear(node);
    if (trying() == 0)
        for (const NodeId& node : parts_.recent.nodes()) guess(node);
    if (trying() == 0) search();
}

// Whoever has no connection to us is not worth one.
void Providers::guess(const NodeId& node) {
    if (!tasks_ || blamed_.contains(node) || !parts_.hood.proven(node)) return;
    if (!queue_.hear(node, TryQueue::Reach::neighbour)) return;
    guessed_.insert(node);
    tasks_->spawn(attach(node));
}

void Providers::search() {
    if (search_) return;
    first_search_ = moved_ = parts_.share.runtime.clock.now();
    begin_search();
}

void Providers::begin_search() {
    last_search_ = parts_.share.runtime.clock.now();
    search_.reset();
    search_.emplace(parts_.finder, file_, [this](const proto::Providing& what) { hear(what); });
}

// Make before break: the file is opened over the better connection at once, while the other still
// gives what it was asked for.
void Providers::use_better() {
    std::vector<NodeId> nodes;
    for (ProvidedFile* file : used_) {
        if (file->ended_ || file->outdone_) continue;
        Neighbour* best = parts_.hood.proven(file->node());
        if (!best || file->file_.is_open_over(best->transfer())) continue;
        file->outdone_ = true;
        nodes.push_back(file->node());
    }
    for (const NodeId& node : nodes) {
        queue_.again();
        tasks_->spawn(attach(node));
    }
}

void Providers::tick() {
    const auto now = parts_.share.runtime.clock.now();
    if (tasks_) use_better();
    if (preparing() || parts_.hood.expecting()) moved_ = now;
    std::size_t open = 0;
    for (const ProvidedFile* file : used_) {
        if (!file->open()) continue;
        ++open;
        moved_ = std::max(moved_, file->heard_at());
    }
    if (!search_) {
        if (trying() == 0 || now - started_ >= hint_patience) search();
        return;
    }
    const bool quiet = open == 0 || now - moved_ >= quiet_span;
    const Clock::Span interval = quiet ? quiet_interval : search_interval_;
    if (open >= few_providers || now - last_search_ < interval || !search_->quiet()) return;
    if (!quiet) search_interval_ = std::clamp(2 * search_interval_, first_interval, max_interval);
    begin_search();
}

bool Providers::exhausted() const {
    using Heard = Neighbourhood::Heard;
    const Heard heard = heard_any_ ? Heard::somebody : Heard::nobody;
    return search_ && parts_.hood.exhausted(*search_, first_search_, heard);
}

bool Providers::hopeless() const {
    if (!search_) return false;
    const bool gave = !givers().empty();
    if (!gave && trying() == 0) return exhausted();
    const Clock::Span outage = gave ? outage_ : std::max<Clock::Span>(outage_, usual_outage);
    return parts_.share.runtime.clock.now() - moved_ >= patience(outage);
}

bool Providers::preparing() const {
    return std::ranges::any_of(
        used_, [](const ProvidedFile* file) { return file->opening() && file->preparing_; });
}

// What the size that it claims makes plausible, from when it was asked first.
Clock::Span Providers::preparing_span(const NodeId& node) const {
    const auto claim = claims_.find(node);
    const std::uint64_t size = claim == claims_.end() ? 0 : claim->second.size_bytes;
    const std::chrono::seconds hashing(size / slowest_hashing);
    return std::min<Clock::Span>(preparing_base + hashing, max_preparing);
}

void Providers::gave(const NodeId& node) {
    Gifts& gifts = gave_[node];
    gifts.last = moved_ = parts_.share.runtime.clock.now();
    ++gifts.count;
    parts_.recent.gave(node);
    troubles_.erase(node);
}

std::vector<NodeId> Providers::givers() const {
    std::vector<NodeId> givers;
    for (const auto& [node, gifts] : gave_)
        if (!blamed_.contains(node) && !is_altered(node)) givers.push_back(node);
    return givers;
}

void Providers::opened(const NodeId& node) {
    claims_[node].asked.reset();
    // The first time only: a node that opens the file over and over has not given anything yet.
    if (!gave_.contains(node)) gave(node);
}

bool Providers::gave_lately(const NodeId& node) const {
    const auto found = gave_.find(node);
    return found != gave_.end() &&
           parts_.share.runtime.clock.now() - found->second.last < patience(outage_);
}

void Providers::trouble(const NodeId& node, std::vector<Finding> why) {
    if (troubles_.size() < max_troubles || troubles_.contains(node))
        troubles_[node] = std::move(why);
}

// A silence, which its owner may want to know of as much as its user.
void Providers::stalled(Finding finding) {
    parts_.share.runtime.log("share", log_text_of(finding) + " (file " + file_.hex() + ")");
    const NodeId node = *finding.node;
    trouble(node, {std::move(finding)});
}

void Providers::blame(const NodeId& node, proto::Fault fault, const std::string& what) {
    if (blamed_.insert(node).second) ++parts_.inventory.counts().wrong_bytes;
    collided_ |= fault == proto::Fault::collision;
    troubles_.erase(node);
    Finding finding{.code = Finding::Code::wrong,
                    .node = node,
                    .what = what,
                    .after = milliseconds_since(parts_.share.runtime.clock, started_)};
    if (const Neighbour* there = parts_.hood.proven(node))
        finding.path = tried_path_of(there->connection()->path());
    parts_.share.runtime.log("share", log_text_of(finding) + " (file " + file_.hex() +
                                          "); it is not used for it any more");
    diagnosis_.add(std::move(finding));
    for (ProvidedFile* file : used_)
        if (file->node() == node) file->end(Ended::dropped);
}

std::error_code Providers::explain(const Shortfall& shortfall) {
    const auto silent_for = parts_.share.runtime.clock.now() - moved_;
    const auto honest = [&](const auto& entry) { return !blamed_.contains(entry.first); };
    const bool stalled = std::ranges::any_of(gave_, honest);
    const bool open =
        std::ranges::any_of(used_, [](const ProvidedFile* file) { return file->open(); });
    std::optional<Finding> nearest = parts_.share.peers.network_trouble();
    if (nearest && heard_any_ && !stalled && blamed_.empty()) diagnosis_.lead(*nearest);
    if (!nearest && parts_.hood.channels().empty() && !parts_.hood.expecting())
        nearest = Finding{.code = Finding::Code::no_channel};
    for (const auto& [node, why] : troubles_)
        if (!nearest && (gave_.contains(node) || is_altered(node))) nearest = why.front();
    if (!heard_any_)
        parts_.hood.explain_silence(diagnosis_, search_ ? &*search_ : nullptr, first_search_);
    for (const auto& [node, why] : troubles_)
        for (const Finding& finding : why)
            if (finding != nearest || !stalled) diagnosis_.add(finding);
    if (open && shortfall.nobody_asked) {
        diagnosis_.lead({.code = Finding::Code::only_parts, .what = shortfall.kept});
        return Errc::not_found;
    }
    if (nearest && nearest->code == Finding::Code::altered) {
        nearest->what = shortfall.kept;
        diagnosis_.lead(*std::move(nearest));
        return Errc::timed_out;
    }
    if (stalled) {
        const auto after = std::chrono::duration_cast<std::chrono::milliseconds>(silent_for);
        diagnosis_.lead({.code = Finding::Code::stalled,
                         .node = nearest ? nearest->node : std::nullopt,
                         .what = (nearest ? sentence_of(*nearest) + "; " : std::string()) +
                                 "nothing came for " + seconds_text(after) + "; " + shortfall.kept,
                         .after = after,
                         .path = nearest ? nearest->path : std::nullopt});
        return Errc::timed_out;
    }
    if (collided_) return Errc::sha1_collision;
    return blamed_.empty() ? Errc::not_found : Errc::verification_failed;
}

Task<> Providers::attach(NodeId node) {
    using Tried = TryQueue::Tried;
    Tried tried = Tried::for_now;
    Clock::Span pause = first_pause;
    for (int attempts = 0; attempts < max_attempts && !blamed_.contains(node);) {
        const auto began = parts_.share.runtime.clock.now();
        const Ended ended = co_await attempt(node);
        if (!comes_back(ended) || blamed_.contains(node)) {
            if (!guessed_.contains(node)) tried = Tried::for_good;
            break;
        }
        const bool lately = gave_lately(node);
        if (lately && gave_.at(node).last >= began) pause = first_pause;
        if (!lately && ended == Ended::unreached) break;
        if (!lately && ended != Ended::busy) ++attempts;
        auto slept = co_await parts_.share.runtime.clock.sleep_for(pause);
        if (!slept) co_return;
        pause = std::min(2 * pause, max_pause);
    }
    const auto next = queue_.done(node, tried);
    if (next && tasks_) tasks_->spawn(attach(*next));
    changed_.notify_all();
}

Task<Providers::Ended> Providers::attempt(NodeId node) {
    Clock& clock = parts_.share.runtime.clock;
    auto began = clock.now();
    auto reached = co_await parts_.hood.reach(node);
    if (!reached) {
        if (reached.error() == asio::error::operation_aborted) co_return Ended::closed;
        trouble(node, parts_.hood.why_not(node, reached.error(), began));
        co_return Ended::unreached;
    }
    Neighbour* neighbour = parts_.hood.proven(node);
    if (!neighbour) co_return Ended::lost;
    const auto connection = neighbour->connection();
    const TriedPath path = tried_path_of(connection->path());
    began = clock.now();
    const std::uint64_t gifts = gave_.contains(node) ? gave_.at(node).count : 0;
    const Ended ended = co_await use_(*neighbour);
    if (ended == Ended::lost && connection->was_altered()) {
        trouble(node, {{.code = Finding::Code::altered, .node = node, .path = path}});
        co_return altered_too_often(node, gifts) ? Ended::dropped : Ended::lost;
    }
    if (ended == Ended::lost)
        trouble(node, {{.code = Finding::Code::connection_lost,
                        .node = node,
                        .after = milliseconds_since(clock, began),
                        .path = path}});
    co_return ended;
}

// Whether that is no use any more: a chunk that has not come whole is asked for again from its
// first block.
bool Providers::altered_too_often(const NodeId& node, std::uint64_t gifts_before) {
    const std::uint64_t gifts = gave_.contains(node) ? gave_.at(node).count : 0;
    const bool whole = gifts - gifts_before >= proto::chunk_bytes / proto::block_bytes;
    int& times = altered_[node];
    times = whole ? 0 : times + 1;
    return times >= max_altered;
}

}  // namespace kp2p
