#include "node/share/fetch/range_fetch.hpp"

#include <algorithm>

#include "node/async/offload.hpp"
#include "node/async/timeout.hpp"

namespace kp2p {
namespace {

constexpr std::chrono::milliseconds range_tick_span{200};

proto::FileRange file_range(const ByteRange& range) {
    return {range.start, range.end.value_or(proto::max_file_bytes)};
}

}  // namespace

// What is said of the file at one provider, which the download knows by a key.
class RangeFetch::Feed {
  public:
    Feed(RangeFetch& fetch, Neighbour& neighbour)
        : fetch_(fetch), file_(fetch.providers_, neighbour), key_(fetch.next_source_++) {
        fetch_.sources_.emplace(key_, &file_);
    }
    Feed(const Feed&) = delete;
    ~Feed() {
        fetch_.sources_.erase(key_);
        fetch_.download_.remove_source(fetch_.now(), key_);
    }

    Task<Providers::Ended> run() {
        for (;;) {
            auto event = co_await file_.next();
            if (!event) break;
            take(std::move(*event));
            fetch_.pump();
        }
        if (file_.ended() == Providers::Ended::garbled)
            fetch_.download_.misbehaved(fetch_.now(), file_.node());
        fetch_.download_.remove_source(fetch_.now(), key_);
        fetch_.pump();
        co_return file_.ended();
    }

  private:
    void take(TransferEvent event) {
        proto::RangeDownload& download = fetch_.download_;
        const auto now = fetch_.now();
        if (auto* opened = std::get_if<proto::Opened>(&event.message)) {
            download.add_source(now, key_, file_.node(),
                                {opened->size_bytes, std::move(opened->have)});
        } else if (const auto* data = std::get_if<proto::Data>(&event.message)) {
            fetch_.providers_.gave(file_.node());
            download.receive(now, key_, *data, std::move(event.payload));
        } else if (const auto* have = std::get_if<proto::Have>(&event.message)) {
            download.have(now, key_, have->index);
        } else if (const auto* canceled = std::get_if<proto::Canceled>(&event.message)) {
            download.canceled(now, key_, canceled->index);
        }
    }

    RangeFetch& fetch_;
    ProvidedFile file_;
    proto::SourceKey key_;
};

RangeFetch::RangeFetch(FetchParts parts, proto::Manifest manifest, ByteRange range,
                       std::vector<NodeId> hints, Diagnosis& diagnosis)
    : parts_(parts),
      hints_(std::move(hints)),
      download_(std::move(manifest), file_range(range)),
      changed_(parts.share.runtime.executor),
      providers_(parts, download_.manifest().sha1, diagnosis, changed_,
                 [this](Neighbour& n) { return use(n); }) {}

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
    for (const auto& [key, file] : sources_) {
        download_.heard(key, file->gave_at());
        if (file->outdone()) download_.retire(key);
    }
    if (const auto deadline = download_.deadline(); deadline && *deadline <= now())
        download_.expire(now());
    providers_.tick();
    for (const auto& [key, file] : sources_)
        if (file->outdone() && !download_.owes(key)) file->leave();
    pump();
    co_return ok;
}

// Somebody gives the part at the front, or is about to.
bool RangeFetch::front_expected() const {
    const auto may = [](const auto& entry) {
        return entry.second->opening() || entry.second->returns();
    };
    return download_.front_expected() || std::ranges::any_of(sources_, may);
}

// Nothing comes from anybody, or all are there and none has all of the next part.
bool RangeFetch::hopeless() const {
    if (download_.settling()) return false;
    if (providers_.hopeless()) return true;
    const bool connecting = providers_.trying() > sources_.size();
    return !sources_.empty() && !connecting && !front_expected() && providers_.exhausted();
}

std::error_code RangeFetch::explain() {
    Providers::Shortfall shortfall;
    shortfall.nobody_asked = !front_expected();
    shortfall.kept = "all before byte " + std::to_string(position()) + " was given";
    return providers_.explain(shortfall);
}

Task<Providers::Ended> RangeFetch::use(Neighbour& neighbour) {
    Feed feed(*this, neighbour);
    co_return co_await feed.run();
}

// ---- moving the download ----

void RangeFetch::pump() {
    using proto::RangeDownload;
    for (const RangeDownload::Event& event : download_.take_events()) {
        if (const auto* ask = std::get_if<RangeDownload::AskChunk>(&event)) {
            if (const auto at = sources_.find(ask->source); at != sources_.end())
                at->second->ask(ask->index);
        } else if (const auto* off = std::get_if<RangeDownload::CallOff>(&event)) {
            if (const auto at = sources_.find(off->source); at != sources_.end())
                at->second->call_off(off->index);
        } else if (const auto* job = std::get_if<RangeDownload::CheckPart>(&event)) {
            if (tasks_) tasks_->spawn(check(*job));
        } else if (const auto* dropped = std::get_if<RangeDownload::DropNode>(&event)) {
            drop(*dropped);
        } else if (const auto* stalled = std::get_if<RangeDownload::SourceStalled>(&event)) {
            if (const auto at = sources_.find(stalled->source); at != sources_.end())
                at->second->stall();
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
