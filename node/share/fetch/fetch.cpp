#include "node/share/fetch/fetch.hpp"

#include "node/async/offload.hpp"
#include "node/share/fetch/put_queue.hpp"

namespace kp2p {
namespace {

using namespace std::chrono_literals;

constexpr auto fetch_tick_span = 100ms;
// How long a chunk waits for another to be checked with, in which two come where that matters.
constexpr auto alone_span = 10ms;
// Of a chunk that is hashed in less time than another thread takes to be woken.
constexpr std::uint64_t max_small_bytes = std::uint64_t{32} << 10;

}  // namespace

Fetch::Fetch(FetchParts parts, const Sha1& file, std::vector<NodeId> hints)
    : parts_(parts),
      file_(file),
      hints_(std::move(hints)),
      download_(file),
      changed_(parts.share.runtime.executor),
      providers_(parts, file, diagnosis_, changed_,
                 [this](Neighbour& neighbour) { return sources_.use(neighbour); }),
      sources_(
          download_, providers_, parts.share.runtime.clock,
          {.offered =
               [this](auto key, const NodeId&, proto::Offer offer) {
                   if (offer.slices) mixer_.offers(key);
                   download_.add_source(now(), key, std::move(offer));
               },
           .gave =
               [this](const NodeId& node) {
                   providers_.gave(node);
                   uploaders_.insert(node);
               },
           .garbled = [this](auto key, const NodeId&) { download_.misbehaved(now(), key); },
           .pump = [this] { pump(); },
           .sliced = [this](auto key, const proto::Slice& slice) { mixer_.take(key, slice); }}),
      mixer_(parts.share.runtime, download_, sources_, [this] { pump(); }),
      alone_(parts.share.runtime.clock.alarm(parts.share.runtime.executor,
                                             [this] {
                                                 if (tasks_ && checks_->waiting() > 0)
                                                     tasks_->spawn(check());
                                             })),
      writes_(parts.share.runtime.pool) {
    download_.set_own_node(proto::number_of(parts.share.own));
}

Task<Result<Fetch::Path>> Fetch::run() {
    Result<Path> outcome = Errc::canceled;
    auto body = [&](Tasks& all) -> Task<> {
        tasks_ = &all;
        providers_.start(all);
        auto fetched = co_await fetch(all);
        outcome = std::move(fetched);
        all.cancel();
    };
    auto ran = co_await with_tasks(body);
    tasks_ = nullptr;
    providers_.stop();
    if (!ran && !outcome) co_return ran.error();
    co_return outcome;
}

Task<Result<Fetch::Path>> Fetch::fetch(Tasks& all) {
    auto resumed = co_await resume();
    if (!resumed) co_return resumed.error();
    if (!download_.complete()) {
        providers_.begin(hints_);
        all.spawn(tick_loop());
    }
    while (!download_.complete()) {
        if (failure_) co_return failure_;
        if (!download_.settling() && providers_.hopeless()) co_return explain();
        auto changed = co_await changed_.wait();
        if (!changed) co_return changed.error();
    }
    if (failure_) co_return failure_;
    tell_watchers();
    co_return co_await commit();
}

Task<Result<void>> Fetch::resume() {
    auto opened = co_await parts_.inventory.desk().resume(file_);
    if (!opened) co_return opened.error();
    std::shared_ptr<Partial> partial = std::move(*opened);
    if (partial) mixer_.mix_with(partial);
    // What readers of ranges have kept says nothing of the size, save by a manifest.
    if (!partial || !partial->proven()) co_return ok;
    std::vector<proto::StoredChunk> chunks = partial->stored();
    download_.resume(partial->size_bytes(), chunks);
    partial_ = std::move(partial);
    show();
    co_return ok;
}

Task<> Fetch::tick_loop() {
    while (!put_whole_) {  // of which nothing more is wanted
        auto slept = co_await parts_.share.runtime.clock.sleep_for(fetch_tick_span);
        if (!slept || put_whole_) co_return;
        sources_.tick();
        if (download_.settling()) providers_.busy();
        tell_watchers();
        pump();
    }
}

void Fetch::tell_watchers() {
    for (const ProgressSink& watcher : watchers_)
        if (watcher) watcher(progress());
}

FetchProgress Fetch::progress() const {
    return {download_.verified_bytes(), download_.size_bytes().value_or(0), download_.giving(),
            uploaders()};
}

void Fetch::fail(std::error_code error) {
    if (!failure_) failure_ = error;
    if (error != Errc::out_of_space) parts_.inventory.desk().give_up(file_);
    changed_.notify_all();
}

std::error_code Fetch::explain() {
    Providers::Shortfall shortfall;
    shortfall.nobody_asked = download_.giving() == 0;
    shortfall.kept = kept_words();
    return providers_.explain(shortfall);
}

std::string Fetch::kept_words() const {
    const std::uint64_t kept_bytes = partial_ ? partial_->stored_bytes() : 0;
    const auto size_bytes = download_.size_bytes();
    if (!size_bytes) return "nothing is kept yet";
    const std::string all = std::to_string(*size_bytes) + " bytes";
    if (kept_bytes == 0) return "nothing is kept yet of " + all;
    return std::to_string(kept_bytes) + " of " + all +
           " are kept, and the same command goes on from there";
}

// ---- moving the download ----

void Fetch::pump() {
    while (pump_once()) {
    }
    changed_.notify_all();
}

// Whether there may be more to do: what is small enough has been checked at once.
bool Fetch::pump_once() {
    std::vector<proto::Download::CheckChunk> small;
    for (const proto::Download::Event& event : download_.take_events()) {
        if (mix(event) || sources_.carry_out(event)) continue;
        if (const auto* job = std::get_if<proto::Download::CheckChunk>(&event)) {
            const proto::ChunkCheck& what = *job->check;
            if (proto::chunk_size_bytes(what.file_bytes, what.index) <= max_small_bytes) {
                small.push_back(*job);
            } else if (tasks_) {
                checks_->add(*job);
                check_soon();
            }
        } else if (const auto* chunk = std::get_if<proto::Download::StoreChunk>(&event)) {
            store(*chunk);
        } else if (const auto* dropped = std::get_if<proto::Download::DropSource>(&event)) {
            drop(*dropped);
        } else if (const auto* held = std::get_if<proto::Download::HoldChunk>(&event)) {
            if (listing_) listing_->hold(held->index, held->link, held->chunk);
        } else if (const auto* wrong = std::get_if<proto::Download::LetGoChunk>(&event)) {
            if (listing_) listing_->let_go(wrong->index);
        }
    }
    for (const proto::Download::CheckChunk& job : small)
        download_.checked(now(), job.job, proto::run_check(*job.check));
    return !small.empty();
}

// Whether it was for the mixer.
bool Fetch::mix(const proto::Download::Event& event) {
    if (const auto* ask = std::get_if<proto::Download::AskChunk>(&event))
        return tasks_ && mixer_.ask(*tasks_, *ask);
    if (const auto* off = std::get_if<proto::Download::CallOff>(&event))
        return mixer_.call_off(*off);
    if (const auto* doubt = std::get_if<proto::Download::DoubtMixed>(&event))
        return mixer_.doubt(doubt->index), true;
    return false;
}

void Fetch::drop(const proto::Download::DropSource& drop) {
    const NodeId* found = sources_.node_of(drop.source);
    if (!found) return;
    const NodeId node = *found;
    const std::string chunk = std::to_string(drop.index);
    std::string what;
    switch (drop.fault) {
        case proto::Fault::wrong_chunk:
            what = "sent a wrong chunk " + chunk;
            break;
        case proto::Fault::collision:
            what = "sent a chunk " + chunk + " that is part of a SHA-1 collision attack";
            break;
        case proto::Fault::wrong_size:
            what = "claims a wrong size";
            break;
        case proto::Fault::bad_message:
            what = "sent messages that make no sense";
            break;
    }
    uploaders_.erase(node);
    providers_.blame(node, drop.fault, what);
}

// Whether two chunks wait, or one that no other is to be waited for with.
bool Fetch::checks_due() const {
    const std::size_t waiting = checks_->waiting();
    return waiting > 1 || (waiting == 1 && (!download_.size_bytes() || download_.giving() == 0));
}

void Fetch::check_soon() {
    if (checks_due())
        tasks_->spawn(check());
    else
        alone_->set(now() + alone_span);
}

Task<> Fetch::check() {
    do {
        auto run = [checks = checks_] { return checks->check_some(); };
        auto some = co_await offload(parts_.share.runtime.pool, std::move(run));
        for (CheckQueue::Checked& each : some)
            download_.checked(parts_.share.runtime.clock.now(), each.job, std::move(each.result));
        pump();
    } while (checks_due());
}

// ---- writing ----

void Fetch::store(proto::Download::StoreChunk chunk) {
    if (!tasks_) return;
    if (partial_) {
        tasks_->spawn(write(std::move(chunk)));
    } else if (proto::chunk_count(chunk.file_bytes) == 1) {
        put_whole_ = true;
        tasks_->spawn(put_whole(std::move(chunk)));
    } else {
        // Before the partial is opened, which may be done at once.
        const std::uint64_t size_bytes = chunk.file_bytes;
        unwritten_.push_back(std::move(chunk));
        if (!std::exchange(opening_, true)) tasks_->spawn(open_partial(size_bytes));
    }
}

Task<> Fetch::open_partial(std::uint64_t size_bytes) {
    auto opened = co_await parts_.inventory.desk().open(file_, size_bytes, Partial::Wanted::whole);
    if (!opened) {
        if (opened.error() == Errc::limit_reached)
            diagnosis_.add({.code = Finding::Code::too_many_partials});
        fail(opened.error());
        co_return;
    }
    partial_ = std::move(*opened);
    mixer_.mix_with(partial_);
    show();
    providers_.search_again();
    for (proto::Download::StoreChunk& chunk : std::exchange(unwritten_, {}))
        tasks_->spawn(write(std::move(chunk)));
}

// Others that are getting it, too, can do so from here. Who does has something to give itself, or
// soon will.
void Fetch::show() {
    auto asked_by = [this](const NodeId& node) { providers_.guess(node); };
    listing_.emplace(parts_.inventory, file_, partial_, std::move(asked_by));
}

Task<> Fetch::write(proto::Download::StoreChunk chunk) {
    const proto::StoredChunk record{chunk.index, chunk.link, chunk.chunk->next};
    auto put = [partial = partial_, record, checked = chunk.chunk] {
        return partial->write(record, checked->views());
    };
    auto written = co_await offload(writes_, std::move(put));
    if (!written) {
        fail(written.error());
        co_return;
    }
    if (listing_) listing_->stored(chunk.index);
    download_.stored(parts_.share.runtime.clock.now(), chunk.index);
    pump();
}

Task<> Fetch::put_whole(proto::Download::StoreChunk chunk) {
    sources_.leave_all();  // so that the next file can be opened there while this one is written
    tell_watchers();
    PutQueue::Content content;
    content.sha1 = file_;
    content.bytes = chunk.chunk->blocks;
    auto stored = co_await parts_.puts.put(std::move(content));
    if (!stored) {
        fail(stored.error());
        co_return;
    }
    download_.stored(parts_.share.runtime.clock.now(), chunk.index);
    pump();
}

Task<Result<Fetch::Path>> Fetch::commit() {
    if (put_whole_) co_return parts_.share.store.place_of(file_);  // it was put just now
    auto finish = [partial = partial_] { return partial->commit(); };
    auto path = co_await offload(parts_.share.runtime.pool, std::move(finish));
    listing_.reset();
    if (path || path.error() != Errc::out_of_space) parts_.inventory.desk().give_up(file_);
    co_return path;
}

}  // namespace kp2p
