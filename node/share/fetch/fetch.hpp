// Fetch: brings one file that is not here into the storage: searches for providers, opens the file
// at each, moves the Download, writes what is proven, and commits it. Runs once, in the frame of
// whoever awaits run().
#pragma once

#include <filesystem>
#include <list>
#include <memory>
#include <optional>
#include <set>

#include "node/async/event.hpp"
#include "node/async/tasks.hpp"
#include "node/share/fetch/check_queue.hpp"
#include "node/share/fetch/mixer.hpp"
#include "node/share/fetch/providers.hpp"
#include "node/share/fetch/sinks.hpp"
#include "node/share/fetch/sources.hpp"
#include "node/threads/pool.hpp"
#include "proto/transfer/download.hpp"

namespace kp2p {

class Fetch {
  public:
    // `hints`: nodes that are likely to have it; with some, the search waits a moment.
    Fetch(FetchParts parts, const Sha1& file, std::vector<NodeId> hints);

    Task<Result<std::filesystem::path>> run();

    void allow(Clock::Span outage) { providers_.allow(outage); }
    FetchProgress progress() const;
    std::string kept_words() const;  // for who has to give up, or wants to go on later
    const Diagnosis& diagnosis() const { return diagnosis_; }
    std::vector<NodeId> uploaders() const { return {uploaders_.begin(), uploaders_.end()}; }
    std::list<ProgressSink>& watchers() { return watchers_; }

  private:
    using Path = std::filesystem::path;

    Task<Result<void>> resume();
    Task<Result<Path>> fetch(Tasks& all);
    Task<> tick_loop();
    void tell_watchers();
    std::error_code explain();
    Clock::Time now() const { return parts_.share.runtime.clock.now(); }

    void pump();
    bool pump_once();
    bool mix(const proto::Download::Event& event);
    void drop(const proto::Download::DropSource& drop);
    bool checks_due() const;
    void check_soon();
    Task<> check();
    void store(proto::Download::StoreChunk chunk);
    Task<> open_partial(std::uint64_t size_bytes);
    void show();
    Task<> write(proto::Download::StoreChunk chunk);
    Task<> put_whole(proto::Download::StoreChunk chunk);
    Task<Result<Path>> commit();
    void fail(std::error_code error);

    FetchParts parts_;
    Sha1 file_;
    std::vector<NodeId> hints_;
    proto::Download download_;
    Tasks* tasks_ = nullptr;  // while it runs
    Event changed_;

    Diagnosis diagnosis_;
    Providers providers_;
    Sources<proto::Download> sources_;
    Mixer mixer_;
    // Shared with what runs in the pool.
    std::shared_ptr<CheckQueue> checks_ = std::make_shared<CheckQueue>();
    std::unique_ptr<Alarm> alone_;  // then the chunk that waits is checked without another

    std::shared_ptr<Partial> partial_;
    Strand writes_;  // of that: a file is locked while it is written, and who waits for it spins
    std::optional<Inventory::Listing> listing_;
    bool opening_ = false;
    std::vector<proto::Download::StoreChunk> unwritten_;  // while the partial is being opened
    bool put_whole_ = false;                              // a file of one chunk: no partial

    std::error_code failure_;
    std::set<NodeId> uploaders_;
    std::list<ProgressSink> watchers_;
};

}  // namespace kp2p
