// SmallFiles: brings small files into the storage many at a time, from nodes that give them so:
// a fetch of its own for each would be most of the work. Source: proto/PROTOCOL.md, section 5,
// `get files`. One thread's.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>

#include "node/share/fetch/providers.hpp"
#include "node/share/fetch/put_queue.hpp"
#include "node/share/transfer/remote_file.hpp"

namespace kp2p {

class SmallFiles {
  public:
    static constexpr std::uint64_t max_bytes = proto::block_bytes;  // of one

    explicit SmallFiles(FetchParts parts) : parts_(parts) {}
    SmallFiles(const SmallFiles&) = delete;

    // Whom to ask: one of the likely ones or who gave the latest files, if one gives files so, as
    // fast as it goes; of several the one that owes least.
    std::optional<NodeId> giver(const std::vector<NodeId>& likely) const;
    // A file that is not here. What waits for the same node is asked for together. Errc::not_found
    // when it has to be fetched otherwise, whatever the reason; its owner is told that then. One
    // that is coming already is waited for, as share() does.
    enum class Size { known, unknown };  // known: it is no more than max_bytes
    Task<Result<void>> get(NodeId node, Sha1 file, Size size);
    bool is_coming(const Sha1& file) const { return coming_.contains(file); }
    // As get() for whoever called it first; Errc::canceled if that one has gone meanwhile.
    Task<Result<void>> share(Sha1 file);

  private:
    struct Wanted {
        Wanted(Executor executor, const Sha1& which, Size of)
            : file(which), size(of), changed(executor) {}
        Sha1 file;
        Size size;
        std::optional<Result<void>> outcome;
        Event changed;  // that, or there may be something to do for whoever waits for it
    };
    using WantedRef = std::shared_ptr<Wanted>;
    struct Giver {
        std::deque<WantedRef> queue;
        std::size_t batches = 0;  // on their way
        std::size_t users = 0;    // of this: files that are wanted
    };
    using Batch = std::vector<WantedRef>;

    static void wake_next(Giver& giver);
    Task<> ask_some(NodeId node, Giver& giver);
    Task<PutQueue::Contents> receive(NodeId node, const Batch& batch);
    void distrust(const NodeId& node);
    void leave_alone(const NodeId& node, Clock::Span span);

    FetchParts parts_;
    std::map<NodeId, Giver> givers_;  // that are used
    std::map<Sha1, WantedRef> coming_;
    std::map<NodeId, Clock::Time> left_alone_;  // until then; a few
};

}  // namespace kp2p
