// The bytes of files: of those that are here, and of others by their manifest.
#include <algorithm>
#include <utility>

#include "node/async/offload.hpp"
#include "node/share/fetch/range_reader.hpp"
#include "node/share/share_node.hpp"

namespace kp2p {
namespace {

constexpr std::size_t max_remembered = 256;  // files that somebody gave of
constexpr std::size_t max_list_bytes = proto::pieces_per_list * Sha1::size_bytes;

}  // namespace

Task<Result<proto::Manifest>> Share::Node::read_manifest(proto::Uri uri,
                                                         std::vector<NodeId>& uploaders) {
    Diagnosis aside;  // a file can be had without its manifest
    Wish wish;
    wish.file = *uri.manifest;
    wish.max_bytes = proto::max_manifest_bytes;
    wish.hints = uploaders;
    auto document = co_await read_document(std::move(wish), aside);
    if (!document) co_return document.error();
    for (const NodeId& node : document->uploaders)
        if (std::ranges::find(uploaders, node) == uploaders.end()) uploaders.push_back(node);
    auto parse = [&document] { return proto::Manifest::parse(as_text(document->bytes)); };
    auto manifest = co_await offload(parts.runtime.pool, parse);
    if (manifest && manifest->sha1 != uri.sha1) co_return proto::Errc::wrong_hash;
    co_return manifest;
}

Task<Result<ByteVector>> Share::Node::read_list(Sha1 list, std::vector<NodeId> hints) {
    Diagnosis aside;  // the same can be had without it
    Wish wish;
    wish.file = list;
    wish.max_bytes = max_list_bytes;
    wish.hints = std::move(hints);
    auto document = co_await read_document(std::move(wish), aside);
    if (!document && document.error() == asio::error::operation_aborted) co_return document.error();
    if (!document) co_return Errc::not_found;
    co_return std::move(document->bytes);
}

Task<Result<void>> Share::Node::cat_ranges(proto::Uri uri, std::vector<ByteRange>& ranges,
                                           ByteSink sink, Diagnosis& diagnosis,
                                           Clock::Span outage) {
    std::string why;
    auto here = co_await inventory.whole(uri.sha1, Inventory::always, why);
    if (here) co_return Errc::not_found;
    RangeReader::Reading reading;
    reading.file = uri.sha1;
    reading.manifest_sha1 = *uri.manifest;
    if (const auto known = givers.find(uri.sha1); known != givers.end())
        reading.hints = known->second;
    auto manifest = co_await read_manifest(uri, reading.hints);
    if (!manifest) {
        if (manifest.error() == Errc::canceled) co_return manifest.error();
        diagnosis.add({.code = Finding::Code::no_manifest});
        co_return Errc::not_found;
    }
    reading.manifest = std::move(*manifest);
    reading.read_list = [this, hints = reading.hints](Sha1 list) { return read_list(list, hints); };
    const FetchParts with{parts, hood, finder, inventory, recent, puts, outage};
    RangeReader reader(with, std::move(reading), diagnosis);
    auto given = co_await reader.run(ranges, sink);
    if (givers.size() >= max_remembered) givers.erase(givers.begin());
    if (!reader.givers().empty()) givers.insert_or_assign(uri.sha1, reader.givers());
    if (!given && given.error() == asio::error::operation_aborted) co_return Errc::canceled;
    co_return given;
}

Task<Result<void>> Share::Node::cat_local(Sha1 file, std::vector<ByteRange>& ranges,
                                          ByteSink sink) {
    std::string why;
    auto whole = co_await inventory.whole(file, Inventory::always, why);
    if (!whole) co_return whole.error();
    const std::shared_ptr<const WholeChunks> chunks = std::move(*whole);
    for (ByteRange& range : ranges) {
        const std::uint64_t end =
            std::min(range.end.value_or(chunks->size_bytes()), chunks->size_bytes());
        while (range.start < end) {
            const std::uint64_t index = range.start / proto::chunk_bytes;
            auto read = [chunks, index] { return chunks->read(index); };
            auto chunk = co_await inventory.read(chunks, std::move(read));
            if (!chunk) co_return chunk.error();
            const std::uint64_t first = range.start - index * proto::chunk_bytes;
            const std::uint64_t last =
                std::min<std::uint64_t>(chunk->bytes.size(), end - index * proto::chunk_bytes);
            auto taken = co_await sink(ByteView(chunk->bytes).subspan(first, last - first));
            if (!taken) co_return taken;
            range.start = index * proto::chunk_bytes + last;
        }
    }
    co_return ok;
}

Task<Result<void>> Share::Node::cat(proto::Uri uri, Named named, std::vector<ByteRange>& ranges,
                                    ByteSink sink, Diagnosis& diagnosis, ProgressSink progress,
                                    Clock::Span outage) {
    // Mostly it is here; what is in the way is asked below, where something is done about it.
    if (auto given = co_await cat_local(named.file, ranges, sink); given) co_return given;
    // What was given was right, also when the file turns out damaged further on: then the rest
    // comes from others.
    for (int attempt = 0;; ++attempt) {
        if (uri.manifest) {
            auto given = co_await cat_ranges(uri, ranges, sink, diagnosis, outage);
            if (given || given.error() != Errc::not_found) co_return given;
        }
        auto fetched =
            co_await fetches.fetch(named.file, named.uploaders, progress, diagnosis, outage);
        if (!fetched) co_return fetched.error();
        auto given = co_await cat_local(named.file, ranges, sink);
        if (given) co_return given;
        const bool gone = given.error() == Errc::not_found || given.error() == Errc::timed_out;
        if (Inventory::is_of_storage(given.error()))
            diagnosis.add({.code = Finding::Code::storage, .what = storage_trouble()});
        if (!gone && !Inventory::is_doubtful(given.error())) co_return given;
        if (attempt >= max_repairs) co_return given_up(named.file, diagnosis);
        if (gone) continue;
        auto doubted = co_await inventory.doubt(named.file, Inventory::always);
        if (!doubted && doubted.error() != Errc::not_found) co_return doubted.error();
    }
}

}  // namespace kp2p
