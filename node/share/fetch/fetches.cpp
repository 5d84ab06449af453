#include "node/share/fetch/fetches.hpp"

#include "proto/file/sha1.hpp"

namespace kp2p {
namespace {

class Watching {  // a progress sink at a fetch, for as long as this lives
  public:
    Watching(Fetch& fetch, ProgressSink sink)
        : fetch_(fetch), at_(fetch.watchers().insert(fetch.watchers().end(), std::move(sink))) {}
    Watching(const Watching&) = delete;
    ~Watching() { fetch_.watchers().erase(at_); }

  private:
    Fetch& fetch_;
    std::list<ProgressSink>::iterator at_;
};

}  // namespace

Task<Result<Fetched>> Fetches::fetch(Sha1 file, std::vector<NodeId> hints, ProgressSink progress,
                                     Diagnosis& diagnosis, Clock::Span outage) {
    for (;;) {
        if (small_.is_coming(file)) {
            auto came = co_await small_.share(file);
            if (!came && came.error() == asio::error::operation_aborted) co_return Errc::canceled;
        }
        std::string why;
        auto here = co_await find_here(file, why);
        if (here) co_return Fetched{*here, {}};
        if (here.error() == asio::error::operation_aborted) co_return Errc::canceled;
        const bool hangs = here.error() == Errc::timed_out;  // others may have it
        const bool broken = !hangs && here.error() != Errc::not_found;
        if (hangs || (broken && here.error() != Errc::sha1_collision))
            diagnosis.add({.code = Finding::Code::storage, .what = storage_trouble()});
        if (broken) co_return here.error();

        const auto found = active_.find(file);
        ActiveRef active;
        if (found != active_.end()) active = found->second;
        const bool ours = !active;
        if (ours) {
            FetchParts with = parts_;
            with.outage = outage;
            active = std::make_shared<Active>(with, file, hints);
        }
        active->fetch.allow(outage);
        Watching watching(active->fetch, progress);
        Result<std::filesystem::path> outcome;
        if (ours)
            outcome = co_await run(file, active);
        else
            outcome = co_await wait(active);
        if (outcome) co_return Fetched{*outcome, active->fetch.uploaders()};
        if (outcome.error() == asio::error::operation_aborted) co_return Errc::canceled;
        if (!ours && outcome.error() == Errc::canceled) continue;
        parts_.share.store.retry_unreadable(file);
        if (!why.empty()) diagnosis.add({.code = Finding::Code::storage, .what = why});
        const auto& findings = active->fetch.diagnosis().all();
        for (auto at = findings.rbegin(); at != findings.rend(); ++at) diagnosis.lead(*at);
        if (outcome.error() == Errc::not_found) {  // it may be here, but for the storage
            const Store* store = &parts_.share.store;
            auto look_back = [store, file]() -> Result<std::string> {
                if (auto can_tell = store->check(); !can_tell) return can_tell.error();
                return store->past_of(file);
            };
            auto past = co_await offload(parts_.share.runtime.pool, look_back);
            if (!past) {
                diagnosis.lead({.code = Finding::Code::storage, .what = storage_trouble()});
                co_return past.error();
            }
            if (why.empty() && !past->empty())
                diagnosis.add({.code = Finding::Code::storage, .what = *past});
        }
        if (outcome.error() == Errc::over_quota)
            diagnosis.add({.code = Finding::Code::quota, .what = storage_trouble()});
        const bool local =
            outcome.error() == Errc::storage_unavailable || outcome.error() == Errc::out_of_space;
        std::string trouble = local ? storage_trouble() : std::string();
        if (outcome.error() == Errc::out_of_space) trouble += "; " + active->fetch.kept_words();
        if (local) diagnosis.add({.code = Finding::Code::storage, .what = std::move(trouble)});
        co_return outcome.error();
    }
}

Task<Result<Fetched>> Fetches::fetch_small(Sha1 file, std::vector<NodeId> hints,
                                           SmallFiles::Size size) {
    const auto giver = small_.giver(hints);
    if (!giver || active_.contains(file)) co_return Errc::not_found;
    auto got = co_await small_.get(*giver, file, size);
    if (!got && got.error() == asio::error::operation_aborted) co_return Errc::canceled;
    if (!got) co_return Errc::not_found;
    co_return Fetched{parts_.share.store.place_of(file), {*giver}};
}

// What is here already, and right. An empty file need not be fetched to be known.
Task<Result<std::filesystem::path>> Fetches::find_here(Sha1 file, std::string& why) {
    static const Sha1 empty = proto::sha1_of({});
    auto found = co_await parts_.inventory.whole(file, Inventory::always, why);
    if (!found && found.error() == Errc::not_found && file == empty) {
        const Store* store = &parts_.share.store;
        auto put = [store] { return store->put_bytes({}); };
        auto stored = co_await offload(parts_.share.runtime.pool, put);
        if (stored) found = co_await parts_.inventory.whole(file, Inventory::always, why);
    }
    if (!found) co_return found.error();
    co_return (*found)->file().path;
}

Task<Result<std::filesystem::path>> Fetches::run(Sha1 file, ActiveRef active) {
    active_.emplace(file, active);
    struct Leave {  // also when this coroutine is cancelled
        Fetches& fetches;
        Sha1 file;
        Active& active;
        ~Leave() {
            if (!active.outcome) active.outcome = Result<std::filesystem::path>(Errc::canceled);
            fetches.active_.erase(file);
            active.changed.notify_all();
        }
    } leave{*this, file, *active};
    auto outcome = co_await active->fetch.run();
    const bool aborted = !outcome && outcome.error() == asio::error::operation_aborted;
    if (!aborted) active->outcome = outcome;
    co_return outcome;
}

Task<Result<std::filesystem::path>> Fetches::wait(ActiveRef active) {
    while (!active->outcome) {
        auto changed = co_await active->changed.wait();
        if (!changed) co_return changed.error();
    }
    co_return *active->outcome;
}

}  // namespace kp2p
