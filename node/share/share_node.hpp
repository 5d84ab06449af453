// Share::Node: the parts of Share, wired.
#pragma once

#include <map>

#include "node/share/channels/neighbourhood.hpp"
#include "node/share/fetch/fetches.hpp"
#include "node/share/fetch/listings.hpp"
#include "node/share/fetch/put_queue.hpp"
#include "node/share/inventory/inventory.hpp"
#include "node/share/lookup/finder.hpp"
#include "node/share/share.hpp"
#include "proto/file/manifest.hpp"

namespace kp2p {

class Share::Node {
  public:
    explicit Node(ShareParts given)
        : parts(std::move(given)),
          finder(parts.runtime, parts.own),
          inventory(parts.runtime, parts.store, parts.foreign),
          listings(parts.runtime),
          hood(parts, finder, inventory),
          puts(parts.runtime.executor, parts.runtime.pool, parts.store),
          fetches(FetchParts{parts, hood, finder, inventory, recent, puts}) {}

    ShareParts parts;
    Finder finder;
    Inventory inventory;
    Listings listings;
    Neighbourhood hood;
    RecentGivers recent;
    PutQueue puts;
    Fetches fetches;

    struct Named {                                        // what a URI names
        Sha1 file;                                        // or the directory's document
        std::shared_ptr<const proto::Sha1Dir> directory;  // null for a file
        std::vector<NodeId> uploaders;
    };
    // Fetches what it takes to know. Errc::usage when a path names nothing.
    Task<Result<Named>> resolve(proto::Uri uri, Diagnosis& diagnosis);
    Task<Result<Named>> look_up(proto::Uri uri, Diagnosis& diagnosis);  // in a directory
    Task<Result<std::shared_ptr<const Listing>>> read_listing(Sha1 document, Diagnosis& diagnosis);
    // Every file in the directory; their number, each content counted once.
    Task<Result<std::size_t>> fetch_all(Named named, ProgressSink progress, Diagnosis& diagnosis,
                                        Clock::Span outage);
    // Of a file that is not here, by the manifest that the URI names (fetch/range_reader.hpp).
    // Moves each range's start behind what the sink has taken. Errc::not_found: it is here, or the
    // manifest does not help, or no node has all of the next part; what is left is to be fetched.
    Task<Result<void>> cat_ranges(proto::Uri uri, std::vector<ByteRange>& ranges, ByteSink sink,
                                  Diagnosis& diagnosis, Clock::Span outage);
    // `uploaders`: who is likely to have it, and then who gave it, too.
    Task<Result<proto::Manifest>> read_manifest(proto::Uri uri, std::vector<NodeId>& uploaders);
    Task<Result<ByteVector>> read_list(Sha1 list, std::vector<NodeId> hints);
    // Of a file that is here. Moves the starts, too; fails as Chunks::read() does.
    Task<Result<void>> cat_local(Sha1 file, std::vector<ByteRange>& ranges, ByteSink sink);
    // Of a file wherever it is. Moves the starts, too.
    Task<Result<void>> cat(proto::Uri uri, Named named, std::vector<ByteRange>& ranges,
                           ByteSink sink, Diagnosis& diagnosis, ProgressSink progress,
                           Clock::Span outage);
    // Who has given of a file lately, so that a reader of many ranges need not search for each.
    std::map<Sha1, std::vector<NodeId>> givers;
    struct Wish {
        Sha1 file;
        std::size_t max_bytes = 0;
        std::vector<NodeId> hints = {};
    };
    static constexpr int max_repairs = 3;  // of a file, for one that asked for it
    static std::error_code given_up(const Sha1& file, Diagnosis& diagnosis);
    struct Document {
        ByteVector bytes;
        std::vector<NodeId> uploaders;
    };
    // Fetches it if need be. std::errc::file_too_large above `max_bytes`.
    Task<Result<Document>> read_document(Wish wish, Diagnosis& diagnosis);
};

}  // namespace kp2p
