#include "node/share/providers.hpp"

#include <algorithm>

#include "node/async/timeout.hpp"

namespace kp2p {
namespace {

using namespace std::chrono_literals;

constexpr int max_attempts = 4;         // at a node whose connection breaks
constexpr auto first_pause = 250ms;     // before the next, and twice as long each time
constexpr auto open_span = 20s;         // without a word about the file
constexpr auto preparing_span = 60min;  // for hashing it where it has no links yet

}  // namespace

Providers::Providers(LoadParts parts, const Sha1& file, Diagnosis& diagnosis, Event& changed,
                     Use use)
    : parts_(parts),
      file_(file),
      diagnosis_(diagnosis),
      changed_(changed),
      use_(std::move(use)),
      started_(parts.share.clock.now()) {}

void Providers::stop() {
    tasks_ = nullptr;
    search_.reset();
}

void Providers::hear(const NodeId& node) {
    using Reach = Candidates::Reach;
    if (!tasks_ || node == parts_.share.own) return;
    const Reach reach = parts_.hood.proven(node) ? Reach::neighbour : Reach::distant;
    if (candidates_.hear(node, reach)) tasks_->spawn(attach(node));
}

void Providers::search() {
    if (search_) return;
    search_.emplace(parts_.finder, file_,
                    [this](const proto::Providing& what) { hear(what.node); });
}

bool Providers::exhausted() const { return search_ && parts_.hood.exhausted(*search_, started_); }

bool Providers::opening() const {
    return std::any_of(used_.begin(), used_.end(),
                       [](const Provider* provider) { return provider->opening(); });
}

void Providers::blame(const NodeId& node, const std::string& what) {
    blamed_.insert(node);
    const std::string sentence = "node " + node.hex() + " " + what;
    diagnosis_.note(sentence);
    parts_.share.log(sentence + " (file " + file_.hex() + "); it is not used for it any more");
}

std::error_code Providers::explain() {
    if (none()) parts_.hood.explain_silence(diagnosis_);
    const auto open = [](const Provider* provider) { return provider->open(); };
    if (std::any_of(used_.begin(), used_.end(), open))
        diagnosis_.note("the providers have only parts of the file");
    return blamed_.empty() ? Errc::not_found : Errc::verification_failed;
}

Task<> Providers::attach(NodeId node) {
    Clock::Span pause = first_pause;
    for (int attempt = 0; attempt < max_attempts && !blamed_.contains(node);) {
        auto reached = co_await parts_.hood.reach(node);
        if (!reached) {
            if (reached.error() == asio::error::operation_aborted) co_return;
            diagnosis_.note(parts_.hood.why_not(node, reached.error()));
            break;
        }
        const Ended ended = co_await use(node);
        if (ended == Ended::closed || ended == Ended::dropped) break;
        if (ended == Ended::lost)
            diagnosis_.note("the connection to node " + node.hex() + " was lost");
        if (ended != Ended::busy) ++attempt;
        auto slept = co_await parts_.share.clock.sleep_for(pause);
        if (!slept) co_return;
        pause *= 2;
    }
    if (const auto next = candidates_.done(); next && tasks_) tasks_->spawn(attach(*next));
    changed_.notify_all();
}

Task<Providers::Ended> Providers::use(NodeId node) {
    Neighbour* neighbour = parts_.hood.proven(node);
    if (!neighbour) co_return Ended::lost;
    co_return co_await use_(*neighbour);
}

Provider::Provider(Providers& providers, Neighbour& neighbour)
    : providers_(providers),
      neighbour_(&neighbour),
      node_(neighbour.node()),
      changed_(providers.parts_.share.executor) {
    providers_.used_.insert(this);
}

Provider::~Provider() {
    if (neighbour_) neighbour_->close_file(id_);
    providers_.used_.erase(this);
}

Task<Provider::Ended> Provider::stay() {
    auto id = neighbour_->open_file(providers_.file_, *this);
    if (!id) {
        neighbour_ = nullptr;
        co_return Ended::lost;
    }
    id_ = *id;
    Clock& clock = providers_.parts_.share.clock;
    heard_ = clock.now();
    const auto last = heard_ + preparing_span;
    while (opening()) {
        const auto until = std::min(heard_ + open_span, last);
        if (clock.now() >= until) {
            providers_.blame(node_, "does not open the file that it says it has");
            co_return Ended::dropped;
        }
        auto change = changed_.wait();
        auto changed = co_await with_timeout(clock, until - clock.now(), std::move(change));
        if (!changed && changed.error() == asio::error::operation_aborted) co_return Ended::closed;
    }
    while (!ended_) {
        auto changed = co_await changed_.wait();
        if (!changed) co_return Ended::closed;
    }
    co_return *ended_;
}

void Provider::ask(proto::ChunkIndex index) {
    if (neighbour_) neighbour_->ask(id_, index);
}

void Provider::call_off(proto::ChunkIndex index) {
    if (neighbour_) neighbour_->call_off(id_, index);
}

void Provider::end(Ended how) {
    if (neighbour_) neighbour_->close_file(id_);
    over(how);
}

void Provider::over(Ended how) {
    neighbour_ = nullptr;
    if (!ended_) ended_ = how;
    changed_.notify_all();
}

void Provider::preparing() { heard_ = providers_.parts_.share.clock.now(); }

void Provider::opened(proto::Opened opened) {
    if (opened_) return garbage();
    opened_ = true;
    changed_.notify_all();
    begin(std::move(opened));
}

void Provider::refused(proto::RefusalCode code) {
    over(code == proto::RefusalCode::limit ? Ended::busy : Ended::closed);
    if (code != proto::RefusalCode::limit)
        providers_.diagnosis_.note("node " + node_.hex() +
                                   (code == proto::RefusalCode::not_found
                                        ? " does not have the file"
                                        : " cannot give the file any more"));
    gone();
}

void Provider::lost() {
    over(Ended::lost);
    gone();
}

}  // namespace kp2p
