// Share::Node: the parts of Share, wired.
#pragma once

#include "node/share/channels/neighbourhood.hpp"
#include "node/share/fetch/fetches.hpp"
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
          hood(parts, finder, inventory),
          fetches(FetchParts{parts, hood, finder, inventory}) {}

    ShareParts parts;
    Finder finder;
    Inventory inventory;
    Neighbourhood hood;
    Fetches fetches;

    struct Named {  // what a URI names
        Sha1 file;  // or the directory's document
        std::optional<proto::Sha1Dir> directory;
        std::vector<NodeId> uploaders;
    };
    // Fetches what it takes to know. Errc::usage when a path names nothing.
    Task<Result<Named>> resolve(proto::Uri uri, Diagnosis& diagnosis);
    Task<Result<Named>> read_directory(proto::Uri uri, Diagnosis& diagnosis);
    // Every file in the directory; their number, each content counted once.
    Task<Result<std::size_t>> fetch_all(proto::Sha1Dir directory, std::vector<NodeId> uploaders,
                                        ProgressSink progress, Diagnosis& diagnosis);
    // Of a file that is not here, by the manifest that the URI names: verified part by part, from
    // the front. Moves range.start behind what the sink has taken. Errc::not_found: it is here, or
    // the manifest does not help, or no node has all of the next part; what is left is to be
    // fetched.
    Task<Result<void>> cat_range(proto::Uri uri, ByteRange& range, ByteSink sink,
                                 Diagnosis& diagnosis);
    Task<Result<proto::Manifest>> read_manifest(proto::Uri uri, std::vector<NodeId>& uploaders);
    // Of a file that is here. Moves range.start, too; fails as Chunks::read() does.
    Task<Result<void>> cat_local(Sha1 file, ByteRange& range, ByteSink sink);
    // Of a file wherever it is.
    Task<Result<void>> cat(proto::Uri uri, Named named, ByteRange range, ByteSink sink,
                           Diagnosis& diagnosis, ProgressSink progress);
    struct Document {
        ByteVector bytes;
        std::vector<NodeId> uploaders;
    };
    // Fetches it if need be. std::errc::file_too_large above `max_bytes`.
    Task<Result<Document>> read_document(Sha1 file, std::size_t max_bytes, Diagnosis& diagnosis);
};

}  // namespace kp2p
