// Share: the files of this node and of the channels it is in. Finds who has a file, downloads it
// verified into the storage, and gives what the storage holds to members of common channels.
//
// A local file is never asked for on the network. Everything runs on the loop's thread; heavy work
// on the pool. Cancelling a coroutine that awaits one of these cancels its work; what was verified
// by then stays in the storage and is not fetched again. Two loads of one file share the download.
// Errors are kp2p::Errc: not_found, timed_out (who gave it has stopped), verification_failed,
// out_of_space, storage_unavailable, usage (the URI does not fit the operation), canceled; the
// Diagnosis says in words what led there.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "node/share/channels/share_parts.hpp"
#include "node/share/fetch/sinks.hpp"
#include "node/share/inventory/file_traffic.hpp"
#include "node/share/inventory/rates.hpp"
#include "node/transport/use.hpp"
#include "proto/bytes.hpp"
#include "proto/file/sha1dir.hpp"
#include "proto/file/uri.hpp"
#include "proto/lookup/channel.hpp"
#include "proto/report/diagnosis.hpp"
#include "proto/result.hpp"

namespace kp2p {

class Connection;
class Transfers;

enum class Completeness { complete, partial };
struct FoundProvider {
    NodeId node;  // our own when the file is local
    std::uint64_t size_bytes = 0;
    Completeness completeness = Completeness::complete;
};

using proto::DirEntry;

class Share {
  public:
    explicit Share(ShareParts parts);
    ~Share();

    // Serves an established connection until it ends: the swarm calls it for each.
    Task<> serve(std::shared_ptr<Connection> connection);

    FileTraffic traffic() const;
    FileCounts counts() const;
    struct Moving {  // files, now
        std::size_t loads = 0, gives = 0;
    };
    Moving moving() const;
    // How fast files may travel; until the first call, as fast as they go.
    void limit(proto::RateLimits limits, const std::vector<proto::ChannelLimit>& channels = {});
    Rates::Now rates() const;
    Rates::Now rates(const proto::ChannelLimit& limit) const;
    // What the connection to it is used for.
    Use use_of(const NodeId& node) const;

    // Returns when the key is derived and the topic joined; joining twice is no error. The list
    // is not remembered across restarts here.
    Task<Result<void>> join(ChannelName name);
    // The same at once, with the key that was derived from the name before.
    void join(const ChannelName& name, const ChannelKey& key);
    // It is about to be joined: until join() has ended, no search gives up for want of it.
    void expect(const ChannelName& name);
    std::optional<ChannelKey> channel_key(const ChannelName& name) const;  // of one that is joined
    Result<void> leave(const ChannelName& name);  // Errc::usage if we are not in it
    std::vector<ChannelName> channels() const;
    std::vector<ChannelName> expected_channels() const;  // that are being joined still
    std::vector<ChannelName> channels_with(const NodeId& node) const;  // proven, on a connection

    // The verified file in the storage (or where a linked file lies). A sha1dir URI needs a
    // subpath that names a file, else Errc::usage.
    // `outage`: when all who gave it have gone, one is waited for so long, also by the next two.
    Task<Result<std::filesystem::path>> load(proto::Uri uri, ProgressSink progress,
                                             Diagnosis& diagnosis,
                                             Clock::Span outage = usual_outage);
    struct Loaded {
        std::filesystem::path path;
        std::vector<NodeId> from = {};  // who gave it, verified, just now
    };
    // Of one file of a list, by its index there. `cancel` ends it with Errc::canceled.
    struct ListHooks {
        std::function<void(std::size_t index, std::function<void()> cancel)> begun;
        std::function<void(std::size_t index, const FetchProgress&)> moved;
        std::function<void(std::size_t index, const Result<Loaded>&, const Diagnosis&)> ended;
    };
    // Each as load() does it; many at once, and small ones of one node together. What is in the
    // list several times is begun once, and ends for each.
    Task<Result<void>> load_files(std::vector<proto::Uri> uris, ListHooks hooks,
                                  Clock::Span outage = usual_outage);
    // All files of a sha1dir, or of a directory in one, into the storage; their number.
    Task<Result<std::size_t>> load_directory(proto::Uri uri, ProgressSink progress,
                                             Diagnosis& diagnosis,
                                             Clock::Span outage = usual_outage);
    // Verified bytes only, of one range after the other, each in order. A range past the end gives
    // what there is. With a manifest in the URI, a file that is not here is given while it comes,
    // and only what the ranges need is fetched, once, and kept for a while; without one it is
    // loaded first, of which `progress` is told. Each range's start moves behind what the sink has
    // taken of it.
    Task<Result<void>> cat(proto::Uri uri, std::vector<ByteRange>& ranges, ByteSink sink,
                           Diagnosis& diagnosis, ProgressSink progress = ProgressSink(),
                           Clock::Span outage = usual_outage);
    // Each provider once, as it answers; the count of them, or Errc::not_found if there is none.
    Task<Result<std::size_t>> find(proto::Uri uri, std::function<void(const FoundProvider&)> found,
                                   Diagnosis& diagnosis);
    // Of a sha1dir or a directory in one, by name.
    Task<Result<std::vector<DirEntry>>> list(proto::Uri uri, Diagnosis& diagnosis);

    Transfers& transfers();  // loads are entered by whoever asks for them

  private:
    class Node;
    std::unique_ptr<Node> node_;
};

}  // namespace kp2p
