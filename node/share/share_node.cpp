// Directories of Share, and documents that it reads.
#include <chrono>
#include <optional>
#include <set>
#include <utility>

#include "node/async/offload.hpp"
#include "node/share/file_batch.hpp"
#include "node/share/share_node.hpp"

namespace kp2p {
namespace {

// Of a directory's files so many are on their way at once.
constexpr std::size_t fetches_at_once = 24;
constexpr std::chrono::milliseconds progress_span{100};

void collect(const proto::Sha1Dir& directory, std::set<Sha1>& seen,
             std::vector<FileBatch::File>& files) {
    for (const auto& [name, file] : directory.files)
        if (seen.insert(file.sha1).second) files.push_back({file.sha1, file.size_bytes});
    for (const auto& [name, inner] : directory.dirs) collect(inner, seen, files);
}

// The first of its names; nothing if it has none.
std::string path_of(const proto::Sha1Dir& directory, const Sha1& wanted) {
    for (const auto& [name, file] : directory.files)
        if (file.sha1 == wanted) return name;
    for (const auto& [name, inner] : directory.dirs)
        if (const std::string path = path_of(inner, wanted); !path.empty())
            return name + '/' + path;
    return {};
}

}  // namespace

Task<Result<Share::Node::Named>> Share::Node::resolve(proto::Uri uri, Diagnosis& diagnosis) {
    if (uri.kind == proto::Uri::Kind::directory) co_return co_await look_up(uri, diagnosis);
    Named named;
    named.file = uri.sha1;
    co_return named;
}

std::error_code Share::Node::given_up(const Sha1& file, Diagnosis& diagnosis) {
    diagnosis.add({.code = Finding::Code::rots, .what = file.hex()});
    return Errc::storage_unavailable;
}

Task<Result<Share::Node::Document>> Share::Node::read_document(Wish wish, Diagnosis& diagnosis) {
    const Sha1 file = wish.file;
    const std::size_t max_bytes = wish.max_bytes;
    for (int attempt = 0;; ++attempt) {
        auto fetched = co_await fetches.fetch(file, wish.hints, ProgressSink(), diagnosis);
        if (!fetched) co_return fetched.error();
        const Store* store = &parts.store;
        auto read = [store, file, max_bytes](const Located&) {
            return store->read(file, max_bytes);
        };
        auto bytes = co_await inventory.read(file, read);
        if (bytes) co_return Document{std::move(*bytes), fetched->uploaders};
        const bool doubtful = Inventory::is_doubtful(bytes.error());
        if (Inventory::is_of_storage(bytes.error()))
            diagnosis.add({.code = Finding::Code::storage, .what = storage_trouble()});
        if (!doubtful) co_return bytes.error();
        if (attempt >= max_repairs) co_return given_up(file, diagnosis);
        auto doubted = co_await inventory.doubt(file, Inventory::always);
        if (!doubted && doubted.error() != Errc::not_found) co_return doubted.error();
    }
}

Task<Result<std::shared_ptr<const Listing>>> Share::Node::read_listing(Sha1 document,
                                                                       Diagnosis& diagnosis) {
    if (auto kept = listings.find(document)) {
        auto look = [store = &parts.store, document] {
            return bool(store->locate(document).stored);
        };
        const bool is_here = co_await offload(parts.runtime.pool, look);
        if (is_here) co_return kept;
    }
    Wish wish;
    wish.file = document;
    wish.max_bytes = proto::max_sha1dir_bytes;
    auto read = co_await read_document(std::move(wish), diagnosis);
    const bool too_large = !read && read.error() == std::errc::file_too_large;
    if (!read && !too_large) co_return read.error();
    const auto parsed = std::make_shared<Listing>();
    Result<proto::Sha1Dir> directory = Errc::usage;
    auto parse = [&] { return proto::Sha1Dir::parse(as_text(read->bytes), parsed->left_out); };
    if (read) directory = co_await offload(parts.runtime.pool, parse);
    if (!directory) {
        diagnosis.add({.code = Finding::Code::no_listing});
        co_return Errc::usage;
    }
    parsed->document = document;
    parsed->document_bytes = read->bytes.size();
    parsed->directory = *std::move(directory);
    parsed->uploaders = std::move(read->uploaders);
    const std::shared_ptr<const Listing> listing = parsed;
    listings.keep(listing);
    co_return listing;
}

Task<Result<Share::Node::Named>> Share::Node::look_up(proto::Uri uri, Diagnosis& diagnosis) {
    auto read = co_await read_listing(uri.sha1, diagnosis);
    if (!read) co_return read.error();
    const std::shared_ptr<const Listing> listing = *std::move(read);
    const proto::Sha1Dir::Found found = listing->directory.find(uri);
    Named named;
    named.file = uri.sha1;
    named.uploaders = listing->uploaders;
    if (found.file) {
        named.file = found.file->sha1;
        diagnosis.is_about(uri.path, named.file);
    } else if (found.dir) {
        named.directory = std::shared_ptr<const proto::Sha1Dir>(listing, found.dir);
        if (listing->left_out.count > 0) diagnosis.remark(listing->left_out.text());
    } else {
        diagnosis.add({.code = Finding::Code::no_entry, .what = uri.path});
        co_return Errc::usage;
    }
    co_return named;
}

Task<Result<std::size_t>> Share::Node::fetch_all(Named named, ProgressSink progress,
                                                 Diagnosis& diagnosis, Clock::Span outage) {
    std::vector<FileBatch::File> files;
    std::set<Sha1> seen;
    collect(*named.directory, seen, files);
    FetchProgress done;
    for (const FileBatch::File& file : files) done.size_bytes += *file.size_bytes;
    std::vector<std::uint64_t> verified_bytes(files.size());
    Clock::Time told = {};
    std::error_code failure;
    std::optional<FileBatch> batch;
    const auto moved = [&](std::size_t index, std::uint64_t now_bytes) {
        if (now_bytes <= verified_bytes[index]) return;
        done.verified_bytes += now_bytes - std::exchange(verified_bytes[index], now_bytes);
        done.providers = batch->givers().size();
        done.from = batch->givers();
        const Clock::Time now = parts.runtime.clock.now();
        if (!progress || now - told < progress_span) return;
        told = now;
        progress(done);
    };
    const auto ended = [&](std::size_t index, const Result<Fetched>& fetched,
                           const Diagnosis& why) {
        const FileBatch::File& file = batch->files()[index];
        // What was here already is as long as the directory says, or the bar is a little off.
        if (fetched && verified_bytes[index] == 0) moved(index, *file.size_bytes);
        if (fetched || failure) return bool(fetched);
        failure = fetched.error();
        for (const Finding& finding : why.all()) diagnosis.add(finding);
        diagnosis.is_about(path_of(*named.directory, file.sha1), file.sha1);
        return false;
    };
    const FileBatch::Hooks hooks{
        .moved = [&](std::size_t index,
                     const FetchProgress& at) { moved(index, at.verified_bytes); },
        .ended = ended};
    batch.emplace(fetches, inventory, parts.runtime.executor, std::move(files),
                  std::move(named.uploaders), FileBatch::Terms{outage, fetches_at_once, true},
                  hooks);
    auto fetched = co_await batch->run();
    if (failure) co_return failure;
    if (!fetched) co_return fetched.error();
    if (progress) progress(done);
    co_return batch->files().size();
}

}  // namespace kp2p
