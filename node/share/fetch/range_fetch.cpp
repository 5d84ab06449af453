#include "node/share/fetch/range_fetch.hpp"

#include "node/async/offload.hpp"
#include "node/async/timeout.hpp"

namespace kp2p {
namespace {

constexpr std::chrono::milliseconds range_tick_span{200};

}  // namespace

template <class Download>
PartFetch<Download>::PartFetch(FetchParts parts, const Sha1& file, Download download,
                               std::vector<NodeId> hints, Diagnosis& diagnosis)
    : parts_(parts),
      hints_(std::move(hints)),
      download_(std::move(download)),
      changed_(parts.share.runtime.executor),
      providers_(parts, file, diagnosis, changed_,
                 [this](Neighbour& neighbour) { return sources_.use(neighbour); }),
      sources_(download_, providers_, parts.share.runtime.clock,
               {.offered =
                    [this](auto key, const NodeId& node, proto::Offer offer) {
                        download_.add_source(now(), key, node, std::move(offer));
                    },
                .gave = [this](const NodeId& node) { providers_.gave(node); },
                .garbled = [this](auto, const NodeId& node) { download_.misbehaved(now(), node); },
                .pump = [this] { pump(); }}) {}

template <class Download>
Task<Result<void>> PartFetch<Download>::run(ByteSink sink) {
    Result<void> outcome = Errc::canceled;
    auto body = [&](Tasks& all) -> Task<> {
        tasks_ = &all;
        providers_.start(all);
        auto given = co_await give(sink);
        outcome = given;
        all.cancel();
    };
    auto ran = co_await with_tasks(body);
    tasks_ = nullptr;
    providers_.stop();
    if (!ran && !outcome) co_return ran.error();
    co_return outcome;
}

template <class Download>
Task<Result<void>> PartFetch<Download>::give(ByteSink sink) {
    if (download_.complete()) co_return ok;
    providers_.begin(hints_);
    while (!download_.complete()) {
        const auto bytes = download_.next_bytes();
        if (!bytes) {
            auto more = co_await await_more();
            if (!more) co_return more;
            continue;
        }
        auto taken = co_await sink(*bytes);
        if (!taken) co_return taken;
        download_.taken(now());
        pump();
        providers_.busy();  // the sink may have taken its time
    }
    co_return ok;
}

template <class Download>
Task<Result<void>> PartFetch<Download>::await_more() {
    if (hopeless()) co_return explain();
    auto change = changed_.wait();
    auto changed =
        co_await with_timeout(parts_.share.runtime.clock, range_tick_span, std::move(change));
    if (!changed && changed.error() == asio::error::operation_aborted) co_return changed.error();
    sources_.tick();
    pump();
    co_return ok;
}

// Somebody gives the part at the front, or is about to.
template <class Download>
bool PartFetch<Download>::front_expected() const {
    return download_.front_expected() || sources_.expected();
}

// Nothing comes from anybody, or all are there and none has all of the next part.
template <class Download>
bool PartFetch<Download>::hopeless() const {
    if (download_.settling()) return false;
    if (providers_.hopeless()) return true;
    const bool connecting = providers_.trying() > sources_.size();
    return sources_.size() > 0 && !connecting && !front_expected() && providers_.exhausted();
}

template <class Download>
std::error_code PartFetch<Download>::explain() {
    Providers::Shortfall shortfall;
    shortfall.nobody_asked = !front_expected();
    shortfall.kept = "all before byte " + std::to_string(position()) + " was given";
    return providers_.explain(shortfall);
}

// ---- moving the download ----

template <class Download>
void PartFetch<Download>::pump() {
    for (const typename Download::Event& event : download_.take_events()) {
        if (sources_.carry_out(event)) continue;
        if (const auto* dropped = std::get_if<typename Download::DropNode>(&event)) drop(*dropped);
        if constexpr (std::is_same_v<Download, proto::RangeDownload>) {
            const auto* job = std::get_if<proto::RangeDownload::CheckPart>(&event);
            if (job && tasks_) tasks_->spawn(check(*job));
        }
    }
    changed_.notify_all();
}

template <class Download>
void PartFetch<Download>::drop(const typename Download::DropNode& drop) {
    std::string what;
    switch (drop.fault) {
        case proto::Fault::wrong_chunk:
            what = "sent wrong bytes " + std::to_string(drop.part.start_bytes) + " to " +
                   std::to_string(drop.part.end_bytes);
            break;
        case proto::Fault::collision:
            what = "sent bytes that are part of a SHA-1 collision attack";
            break;
        case proto::Fault::wrong_size:
            what = "claims another size than the manifest";
            break;
        case proto::Fault::bad_message:
            what = "sent messages that make no sense";
            break;
    }
    providers_.blame(drop.node, drop.fault, what);
}

template <class Download>
Task<> PartFetch<Download>::check(proto::RangeDownload::CheckPart job) {
    bool more = true;
    while (more) {
        auto step = [check = job.check] { return check->step(); };
        more = co_await offload(parts_.share.runtime.pool, std::move(step));
    }
    if constexpr (std::is_same_v<Download, proto::RangeDownload>) download_.checked(now(), job.job);
    pump();
}

template class PartFetch<proto::RangeDownload>;
template class PartFetch<proto::PieceDownload>;

}  // namespace kp2p
