// Fetches: brings files into the storage, each once at a time: whoever asks for a file that is
// being fetched waits for that. If the one who began it is cancelled, a waiter goes on with what it
// kept.
#pragma once

#include <map>

#include "node/share/fetch/fetch.hpp"
#include "node/share/fetch/small_files.hpp"

namespace kp2p {

struct Fetched {
    std::filesystem::path path;
    std::vector<NodeId> uploaders;  // nodes that gave chunks of it just now
};

class Fetches {
  public:
    explicit Fetches(FetchParts parts) : parts_(parts), small_(parts) {}

    // Where several ask for one file, the longest outage that one of them allows counts.
    Task<Result<Fetched>> fetch(Sha1 file, std::vector<NodeId> hints, ProgressSink progress,
                                Diagnosis& diagnosis, Clock::Span outage = usual_outage);

    // A file that Inventory::lacks(), if it is a small one, together with others that are asked for
    // in this way by now. Errc::not_found when fetch() has to do it, whatever the reason.
    bool has_giver_of_small(const std::vector<NodeId>& hints) const {
        return bool(small_.giver(hints));
    }
    Task<Result<Fetched>> fetch_small(Sha1 file, std::vector<NodeId> hints, SmallFiles::Size size);

  private:
    struct Active {
        Active(FetchParts parts, const Sha1& file, std::vector<NodeId> hints)
            : fetch(parts, file, std::move(hints)), changed(parts.share.runtime.executor) {}
        Fetch fetch;
        std::optional<Result<std::filesystem::path>> outcome;
        Event changed;
    };
    using ActiveRef = std::shared_ptr<Active>;

    Task<Result<std::filesystem::path>> find_here(Sha1 file, std::string& why);
    Task<Result<std::filesystem::path>> run(Sha1 file, ActiveRef active);
    Task<Result<std::filesystem::path>> wait(ActiveRef active);

    FetchParts parts_;
    SmallFiles small_;
    std::map<Sha1, ActiveRef> active_;
};

}  // namespace kp2p
