#include "node/share/fetch/range_fetch.hpp"

#include "node/async/offload.hpp"
#include "node/async/timeout.hpp"

namespace kp2p {
namespace {

constexpr std::chrono::milliseconds range_tick_span{200};

proto::FileRange file_range(const ByteRange& range) {
    return {range.start, range.end.value_or(proto::max_file_bytes)};
}

}  // namespace

RangeFetch::RangeFetch(FetchParts parts, proto::Manifest manifest, ByteRange range,
                       std::vector<NodeId> hints, Diagnosis& diagnosis)
    : parts_(parts),
      hints_(std::move(hints)),
      download_(std::move(manifest), file_range(range)),
      changed_(parts.share.runtime.executor),
      providers_(parts, download_.manifest().sha1, diagnosis, changed_,
                 [this](Neighbour& neighbour) { return sources_.use(neighbour); }),
      sources_(download_, providers_, parts.share.runtime.clock,
               {.offered =
                    [this](auto key, const NodeId& node, proto::Offer offer) {
                        download_.add_source(now(), key, node, std::move(offer));
                    },
                .gave = [this](const NodeId& node) { providers_.gave(node); },
                .garbled = [this](auto, const NodeId& node) { download_.misbehaved(now(), node); },
                .pump = [this] { pump(); }}) {}

Task<Result<void>> RangeFetch::run(ByteSink sink) {
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

Task<Result<void>> RangeFetch::give(ByteSink sink) {
    if (download_.complete()) co_return ok;
    for (const NodeId& hint : std::exchange(hints_, {})) providers_.hear(hint);
    providers_.search();
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

Task<Result<void>> RangeFetch::await_more() {
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
bool RangeFetch::front_expected() const {
    return download_.front_expected() || sources_.expected();
}

// Nothing comes from anybody, or all are there and none has all of the next part.
bool RangeFetch::hopeless() const {
    if (download_.settling()) return false;
    if (providers_.hopeless()) return true;
    const bool connecting = providers_.trying() > sources_.size();
    return sources_.size() > 0 && !connecting && !front_expected() && providers_.exhausted();
}

std::error_code RangeFetch::explain() {
    Providers::Shortfall shortfall;
    shortfall.nobody_asked = !front_expected();
    shortfall.kept = "all before byte " + std::to_string(position()) + " was given";
    return providers_.explain(shortfall);
}

// ---- moving the download ----

void RangeFetch::pump() {
    using proto::RangeDownload;
    for (const RangeDownload::Event& event : download_.take_events()) {
        if (sources_.carry_out(event)) continue;
        if (const auto* job = std::get_if<RangeDownload::CheckPart>(&event)) {
            if (tasks_) tasks_->spawn(check(*job));
        } else if (const auto* dropped = std::get_if<RangeDownload::DropNode>(&event)) {
            drop(*dropped);
        }
    }
    changed_.notify_all();
}

void RangeFetch::drop(const proto::RangeDownload::DropNode& drop) {
    std::string what;
    switch (drop.fault) {
        case proto::Fault::wrong_chunk:
            what = "sent wrong bytes " + std::to_string(drop.part.start_bytes) + " to " +
                   std::to_string(drop.part.end_bytes);
            break;
        case proto::Fault::wrong_size:
            what = "claims another size than the manifest";
            break;
        case proto::Fault::bad_message:
            what = "sent messages that make no sense";
            break;
    }
    providers_.blame(drop.node, what);
}

Task<> RangeFetch::check(proto::RangeDownload::CheckPart job) {
    bool more = true;
    while (more) {
        auto step = [check = job.check] { return check->step(); };
        more = co_await offload(parts_.share.runtime.pool, std::move(step));
    }
    download_.checked(now(), job.job);
    pump();
}

}  // namespace kp2p
