// Directories and manifests of Share, and reading files that are here.
#include <algorithm>
#include <chrono>
#include <set>
#include <utility>

#include "node/share/share_node.hpp"
#include "node/share/stream.hpp"

namespace kp2p {
namespace {

constexpr std::size_t loads_at_once = 24;  // of a directory's files
constexpr std::chrono::milliseconds progress_span{100};

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
    Loads& loads;
    std::vector<Wanted> files;
    std::vector<NodeId> givers;
    ProgressSink progress;
    Diagnosis& diagnosis;
    Clock& clock;
    std::size_t next = 0;
    LoadProgress done = {};
    Clock::Time told = {};
    std::error_code failure = {};

    // `verified_bytes` more of some file.
    void moved(std::uint64_t verified_bytes) {
        done.verified_bytes += verified_bytes;
        done.providers = givers.size();
        if (!progress || clock.now() - told < progress_span) return;
        told = clock.now();
        progress(done);
    }
};

Task<> load_some(Batch& batch, Tasks& all) {
    while (batch.next < batch.files.size()) {
        const Wanted wanted = batch.files[batch.next++];
        std::uint64_t verified_bytes = 0;
        ProgressSink moved = [&](const LoadProgress& at) {
            if (at.verified_bytes <= verified_bytes) return;
            batch.moved(at.verified_bytes - std::exchange(verified_bytes, at.verified_bytes));
        };
        auto loaded = co_await batch.loads.load(wanted.file, batch.givers, moved, batch.diagnosis);
        if (!loaded) {
            if (!batch.failure) batch.failure = loaded.error();
            all.cancel();
            co_return;
        }
        for (const NodeId& giver : loaded->givers)
            if (std::ranges::find(batch.givers, giver) == batch.givers.end())
                batch.givers.push_back(giver);
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

Task<Result<Share::Node::Named>> Share::Node::read_directory(proto::Uri uri, Diagnosis& diagnosis) {
    auto loaded = co_await loads.load(uri.sha1, std::vector<NodeId>(), ProgressSink(), diagnosis);
    if (!loaded) co_return loaded.error();
    const Store* store = &parts.store;
    proto::Sha1Dir::LeftOut left_out;
    auto read = [store, file = uri.sha1, &left_out]() -> Result<proto::Sha1Dir> {
        auto document = store->read(file, proto::max_sha1dir_bytes);
        if (!document) return document.error();
        return proto::Sha1Dir::parse(as_text(*document), left_out);
    };
    auto directory = co_await shelf.read(uri.sha1, std::move(read));
    if (!directory && is_storage_error(directory.error())) {
        diagnosis.note(storage_trouble());
        co_return directory.error();
    }
    if (!directory) {
        diagnosis.note("the file with this hash does not describe a directory");
        co_return Errc::usage;
    }
    proto::Sha1Dir::Found found = directory->find(uri.path);
    if (!found.file && !found.dir) found = directory->find(uri.bare_path());
    Named named;
    named.file = uri.sha1;
    named.givers = loaded->givers;
    if (found.file) {
        named.file = found.file->sha1;
    } else if (found.dir) {
        proto::Sha1Dir inner = *found.dir;
        named.directory = std::move(inner);
        if (left_out.count > 0) diagnosis.remark(left_out.text());
    } else {
        diagnosis.note("there is no " + uri.path + " in the directory");
        co_return Errc::usage;
    }
    co_return named;
}

Task<Result<std::size_t>> Share::Node::load_all(proto::Sha1Dir directory,
                                                std::vector<NodeId> givers, ProgressSink progress,
                                                Diagnosis& diagnosis) {
    Batch batch{loads, {}, std::move(givers), std::move(progress), diagnosis, parts.clock};
    std::set<Sha1> seen;
    collect(directory, seen, batch.files);
    for (const Wanted& wanted : batch.files) batch.done.size_bytes += wanted.size_bytes;
    auto body = [&](Tasks& all) -> Task<> {
        for (std::size_t i = 0; i < loads_at_once; ++i) all.spawn(load_some(batch, all));
        co_return;
    };
    auto loaded = co_await with_tasks(body);
    if (batch.failure) co_return batch.failure;
    if (!loaded) co_return loaded.error();
    if (batch.progress) batch.progress(batch.done);
    co_return batch.files.size();
}

Task<Result<proto::Manifest>> Share::Node::read_manifest(proto::Uri uri,
                                                         std::vector<NodeId>& givers) {
    Diagnosis aside;  // a file can be had without its manifest
    std::vector<NodeId> nobody;
    auto loaded = co_await loads.load(*uri.manifest, std::move(nobody), ProgressSink(), aside);
    if (!loaded) co_return loaded.error();
    givers = loaded->givers;
    const Store* store = &parts.store;
    auto read = [store, uri]() -> Result<proto::Manifest> {
        auto document = store->read(*uri.manifest, proto::max_manifest_bytes);
        if (!document) return document.error();
        return proto::Manifest::parse(as_text(*document));
    };
    auto manifest = co_await shelf.read(*uri.manifest, std::move(read));
    if (manifest && manifest->sha1 != uri.sha1) co_return proto::Errc::wrong_hash;
    co_return manifest;
}

Task<Result<void>> Share::Node::cat_stream(proto::Uri uri, ByteRange& range, ByteSink sink,
                                           Diagnosis& diagnosis) {
    const Store* store = &parts.store;
    auto find = [store, file = uri.sha1] { return store->find(file); };
    const auto here = co_await shelf.read(uri.sha1, find);
    if (here) co_return Errc::not_found;
    std::vector<NodeId> givers;
    auto manifest = co_await read_manifest(uri, givers);
    if (!manifest) {
        if (manifest.error() == Errc::canceled) co_return manifest.error();
        diagnosis.note("its manifest cannot be had or used");
        co_return Errc::not_found;
    }
    const LoadParts with{parts, hood, finder, shelf};
    Stream stream(with, std::move(*manifest), std::move(givers), diagnosis);
    auto streamed = co_await stream.run(range, sink);
    if (!streamed && streamed.error() == asio::error::operation_aborted) co_return Errc::canceled;
    co_return streamed;
}

Task<Result<void>> Share::Node::cat_local(Sha1 file, ByteRange range, ByteSink sink) {
    Shelf::Hashing hashing = [] { return true; };
    auto taken = co_await shelf.take(file, std::move(hashing));
    if (!taken) co_return taken.error();
    const std::shared_ptr<const Chunks> chunks = taken->chunks;
    const std::uint64_t end =
        std::min(range.end.value_or(chunks->size_bytes()), chunks->size_bytes());
    for (std::uint64_t at = range.start; at < end;) {
        const std::uint64_t index = at / proto::chunk_bytes;
        auto read = [chunks, index] { return chunks->read(index); };
        auto chunk = co_await shelf.read(chunks, std::move(read));
        if (!chunk) co_return chunk.error();
        const std::uint64_t first = at - index * proto::chunk_bytes;
        const std::uint64_t last =
            std::min<std::uint64_t>(chunk->bytes.size(), end - index * proto::chunk_bytes);
        auto taken_over = co_await sink(ByteView(chunk->bytes).subspan(first, last - first));
        if (!taken_over) co_return taken_over;
        at = index * proto::chunk_bytes + last;
    }
    co_return ok;
}

}  // namespace kp2p
