// Directories and manifests of Share, and reading files that are here.
#include <algorithm>
#include <chrono>
#include <set>
#include <utility>

#include "node/async/offload.hpp"
#include "node/share/fetch/range_fetch.hpp"
#include "node/share/share_node.hpp"

namespace kp2p {
namespace {

constexpr std::size_t fetches_at_once = 24;  // of a directory's files
constexpr std::chrono::milliseconds progress_span{100};
constexpr int max_repairs = 3;  // of a file, for one that asked for it

std::error_code given_up(const Sha1& file, Diagnosis& diagnosis) {
    diagnosis.add({.code = Finding::Code::rots, .what = file.hex()});
    return Errc::storage_unavailable;
}

struct Wanted {
    Sha1 file;
    std::uint64_t size_bytes;
};

void collect(const proto::Sha1Dir& directory, std::set<Sha1>& seen, std::vector<Wanted>& files) {
    for (const auto& [name, file] : directory.files)
        if (seen.insert(file.sha1).second) files.push_back({file.sha1, file.size_bytes});
    for (const auto& [name, inner] : directory.dirs) collect(inner, seen, files);
}

struct Batch {  // the files of a directory, on their way
    Fetches& fetches;
    std::vector<Wanted> files;
    std::vector<NodeId> uploaders;
    ProgressSink progress;
    Diagnosis& diagnosis;
    Clock& clock;
    std::size_t next = 0;
    FetchProgress done = {};
    Clock::Time told = {};
    std::error_code failure = {};

    // `verified_bytes` more of some file.
    void moved(std::uint64_t verified_bytes) {
        done.verified_bytes += verified_bytes;
        done.providers = uploaders.size();
        done.from = uploaders;
        if (!progress || clock.now() - told < progress_span) return;
        told = clock.now();
        progress(done);
    }
};

Task<> fetch_some(Batch& batch, Tasks& all) {
    while (batch.next < batch.files.size()) {
        const Wanted wanted = batch.files[batch.next++];
        std::uint64_t verified_bytes = 0;
        ProgressSink moved = [&](const FetchProgress& at) {
            if (at.verified_bytes <= verified_bytes) return;
            batch.moved(at.verified_bytes - std::exchange(verified_bytes, at.verified_bytes));
        };
        auto fetched =
            co_await batch.fetches.fetch(wanted.file, batch.uploaders, moved, batch.diagnosis);
        if (!fetched) {
            if (!batch.failure) batch.failure = fetched.error();
            all.cancel();
            co_return;
        }
        for (const NodeId& uploader : fetched->uploaders)
            if (std::ranges::find(batch.uploaders, uploader) == batch.uploaders.end())
                batch.uploaders.push_back(uploader);
        // What was here already is as long as the directory says, or the bar is a little off.
        if (verified_bytes == 0) batch.moved(wanted.size_bytes);
    }
}

}  // namespace

Task<Result<Share::Node::Named>> Share::Node::resolve(proto::Uri uri, Diagnosis& diagnosis) {
    if (uri.kind == proto::Uri::Kind::directory) co_return co_await read_directory(uri, diagnosis);
    Named named;
    named.file = uri.sha1;
    co_return named;
}

Task<Result<Share::Node::Document>> Share::Node::read_document(Sha1 file, std::size_t max_bytes,
                                                               Diagnosis& diagnosis) {
    for (int attempt = 0;; ++attempt) {
        std::vector<NodeId> nobody;
        auto fetched = co_await fetches.fetch(file, std::move(nobody), ProgressSink(), diagnosis);
        if (!fetched) co_return fetched.error();
        const Store* store = &parts.store;
        auto read = [store, file, max_bytes] { return store->read(file, max_bytes); };
        auto bytes = co_await inventory.read(file, read);
        if (bytes) co_return Document{std::move(*bytes), fetched->uploaders};
        const bool doubtful = Inventory::is_doubtful(bytes.error());
        if (bytes.error() == Errc::storage_unavailable)
            diagnosis.add({.code = Finding::Code::storage, .what = storage_trouble()});
        if (!doubtful) co_return bytes.error();
        if (attempt >= max_repairs) co_return given_up(file, diagnosis);
        auto doubted = co_await inventory.doubt(file, Inventory::always);
        if (!doubted && doubted.error() != Errc::not_found) co_return doubted.error();
    }
}

Task<Result<Share::Node::Named>> Share::Node::read_directory(proto::Uri uri, Diagnosis& diagnosis) {
    auto document = co_await read_document(uri.sha1, proto::max_sha1dir_bytes, diagnosis);
    const bool too_large = !document && document.error() == std::errc::file_too_large;
    if (!document && !too_large) co_return document.error();
    Result<proto::Sha1Dir> directory = Errc::usage;
    proto::Sha1Dir::LeftOut left_out;
    auto parse = [&] { return proto::Sha1Dir::parse(as_text(document->bytes), left_out); };
    if (document) directory = co_await offload(parts.runtime.pool, parse);
    if (!directory) {
        diagnosis.add({.code = Finding::Code::no_listing});
        co_return Errc::usage;
    }
    proto::Sha1Dir::Found found = directory->find(uri.path);
    if (!found.file && !found.dir) found = directory->find(uri.bare_path());
    Named named;
    named.file = uri.sha1;
    named.uploaders = document->uploaders;
    if (found.file) {
        named.file = found.file->sha1;
    } else if (found.dir) {
        proto::Sha1Dir inner = *found.dir;
        named.directory = std::move(inner);
        if (left_out.count > 0) diagnosis.remark(left_out.text());
    } else {
        diagnosis.add({.code = Finding::Code::no_entry, .what = uri.path});
        co_return Errc::usage;
    }
    co_return named;
}

Task<Result<std::size_t>> Share::Node::fetch_all(proto::Sha1Dir directory,
                                                 std::vector<NodeId> uploaders,
                                                 ProgressSink progress, Diagnosis& diagnosis) {
    Batch batch{
        fetches, {}, std::move(uploaders), std::move(progress), diagnosis, parts.runtime.clock};
    std::set<Sha1> seen;
    collect(directory, seen, batch.files);
    for (const Wanted& wanted : batch.files) batch.done.size_bytes += wanted.size_bytes;
    auto body = [&](Tasks& all) -> Task<> {
        for (std::size_t i = 0; i < fetches_at_once; ++i) all.spawn(fetch_some(batch, all));
        co_return;
    };
    auto fetched = co_await with_tasks(body);
    if (batch.failure) co_return batch.failure;
    if (!fetched) co_return fetched.error();
    if (batch.progress) batch.progress(batch.done);
    co_return batch.files.size();
}

Task<Result<proto::Manifest>> Share::Node::read_manifest(proto::Uri uri,
                                                         std::vector<NodeId>& uploaders) {
    Diagnosis aside;  // a file can be had without its manifest
    auto document = co_await read_document(*uri.manifest, proto::max_manifest_bytes, aside);
    if (!document) co_return document.error();
    uploaders = document->uploaders;
    auto parse = [&document] { return proto::Manifest::parse(as_text(document->bytes)); };
    auto manifest = co_await offload(parts.runtime.pool, parse);
    if (manifest && manifest->sha1 != uri.sha1) co_return proto::Errc::wrong_hash;
    co_return manifest;
}

Task<Result<void>> Share::Node::cat_range(proto::Uri uri, ByteRange& range, ByteSink sink,
                                          Diagnosis& diagnosis) {
    std::string why;
    auto here = co_await inventory.whole(uri.sha1, Inventory::always, why);
    if (here) co_return Errc::not_found;
    std::vector<NodeId> uploaders;
    auto manifest = co_await read_manifest(uri, uploaders);
    if (!manifest) {
        if (manifest.error() == Errc::canceled) co_return manifest.error();
        diagnosis.add({.code = Finding::Code::no_manifest});
        co_return Errc::not_found;
    }
    const FetchParts with{parts, hood, finder, inventory};
    RangeFetch fetch(with, std::move(*manifest), range, std::move(uploaders), diagnosis);
    auto given = co_await fetch.run(sink);
    range.start = fetch.position();
    if (!given && given.error() == asio::error::operation_aborted) co_return Errc::canceled;
    co_return given;
}

Task<Result<void>> Share::Node::cat_local(Sha1 file, ByteRange& range, ByteSink sink) {
    std::string why;
    auto whole = co_await inventory.whole(file, Inventory::always, why);
    if (!whole) co_return whole.error();
    const std::shared_ptr<const WholeChunks> chunks = std::move(*whole);
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
    co_return ok;
}

Task<Result<void>> Share::Node::cat(proto::Uri uri, Named named, ByteRange range, ByteSink sink,
                                    Diagnosis& diagnosis, ProgressSink progress) {
    // What was given was right, also when the file turns out damaged further on: then the rest
    // comes from others.
    for (int attempt = 0;; ++attempt) {
        if (uri.manifest) {
            auto given = co_await cat_range(uri, range, sink, diagnosis);
            if (given || given.error() != Errc::not_found) co_return given;
        }
        auto fetched = co_await fetches.fetch(named.file, named.uploaders, progress, diagnosis);
        if (!fetched) co_return fetched.error();
        auto given = co_await cat_local(named.file, range, sink);
        if (given) co_return given;
        const bool gone = given.error() == Errc::not_found || given.error() == Errc::timed_out;
        if (given.error() == Errc::storage_unavailable)
            diagnosis.add({.code = Finding::Code::storage, .what = storage_trouble()});
        if (!gone && !Inventory::is_doubtful(given.error())) co_return given;
        if (attempt >= max_repairs) co_return given_up(named.file, diagnosis);
        if (gone) continue;
        auto doubted = co_await inventory.doubt(named.file, Inventory::always);
        if (!doubted && doubted.error() != Errc::not_found) co_return doubted.error();
    }
}

}  // namespace kp2p
