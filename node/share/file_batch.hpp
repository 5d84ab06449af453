// FileBatch: brings many files into the storage, one after the other as there is room, and small
// ones together where somebody gives them so. Runs once, in the frame of whoever awaits run(); the
// hooks are called on the loop's thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "node/async/event.hpp"
#include "node/async/tasks.hpp"
#include "node/share/fetch/fetches.hpp"
#include "node/share/fetch/sinks.hpp"
#include "node/share/inventory/inventory.hpp"
#include "proto/report/diagnosis.hpp"

namespace kp2p {

class FileBatch {
  public:
    struct File {
        Sha1 sha1;
        std::optional<std::uint64_t> size_bytes = {};  // if that is known
    };
    // Of the file at an index.
    struct Hooks {
        std::function<void(std::size_t index, const FetchProgress&)> moved;
        // Whether the others are wanted still.
        std::function<bool(std::size_t index, const Result<Fetched>&, const Diagnosis&)> ended;
        std::function<void(std::size_t index)> begun = {};
    };
    struct Terms {
        Clock::Span outage;
        // Of those that are not asked for together, so many are on their way at once.
        std::size_t fetches_at_once;
        // Who gave one is likely to have the others, too.
        bool akin;
    };

    // `givers`: who is likely to have them.
    FileBatch(Fetches& fetches, Inventory& inventory, Executor executor, std::vector<File> files,
              std::vector<NodeId> givers, Terms terms, Hooks hooks)
        : fetches_(fetches),
          inventory_(inventory),
          files_(std::move(files)),
          givers_(std::move(givers)),
          terms_(terms),
          hooks_(std::move(hooks)),
          executor_(executor),
          room_(executor) {}
    FileBatch(const FileBatch&) = delete;

    Task<Result<void>> run();
    // One of those that are on their way ends with Errc::canceled.
    void cancel(std::size_t index);

    const std::vector<File>& files() const { return files_; }
    const std::vector<NodeId>& givers() const { return givers_; }  // with who gave some just now

  private:
    class Writing;
    class Alone;

    Task<> fetch_in_turn(Tasks& all);
    Task<> fetch_one(std::size_t index, Tasks& all);
    Task<Result<Fetched>> fetch(std::size_t index, Diagnosis& diagnosis);
    Task<Result<Fetched>> fetch_small(std::size_t index);
    bool may_be_small(std::size_t index) const;
    bool has_room(std::size_t index) const;
    void gave(const std::vector<NodeId>& nodes);

    Fetches& fetches_;
    Inventory& inventory_;
    const std::vector<File> files_;
    std::vector<NodeId> givers_;
    const Terms terms_;
    const Hooks hooks_;
    Executor executor_;
    Event room_;  // for the next one to begin
    std::size_t next_ = 0;
    std::vector<bool> lacking_;                // what is known of the files from the first on
    std::map<std::size_t, Tasks*> under_way_;  // by index
    std::deque<Alone*> waiting_;               // for one that comes to be here
    std::size_t coming_ = 0;                   // alone
    std::uint64_t written_bytes_ = 0;          // just now
};

}  // namespace kp2p
