// Lists of files of Share.
#include <map>
#include <memory>
#include <utility>

#include "node/share/file_batch.hpp"
#include "node/share/share_node.hpp"

namespace kp2p {
namespace {

// Several lists may be loaded at once, and each of these may have connections and buffers of its
// own.
constexpr std::size_t fetches_of_list = 8;

struct Missing {
    std::error_code error;
    Diagnosis why;
};
using MissingDocuments = std::map<Sha1, Missing>;

struct Parts {
    Fetches& fetches;
    Inventory& inventory;
    Executor executor;
};

// Those of the directories that files are in.
Task<Result<MissingDocuments>> fetch_documents(Parts parts, const std::vector<proto::Uri>& uris,
                                               Clock::Span outage) {
    MissingDocuments missing;
    std::set<Sha1> seen;
    std::vector<FileBatch::File> documents;
    for (const proto::Uri& uri : uris)
        if (uri.kind == proto::Uri::Kind::directory && seen.insert(uri.sha1).second)
            documents.push_back({uri.sha1});
    if (documents.empty()) co_return missing;
    std::optional<FileBatch> batch;
    const FileBatch::Hooks hooks{
        .moved = [](std::size_t, const FetchProgress&) {},
        .ended =
            [&](std::size_t index, const Result<Fetched>& fetched, const Diagnosis& why) {
                if (!fetched) missing[batch->files()[index].sha1] = {fetched.error(), why};
                return true;
            }};
    batch.emplace(parts.fetches, parts.inventory, parts.executor, std::move(documents),
                  std::vector<NodeId>(), FileBatch::Terms{outage, fetches_of_list}, hooks);
    auto fetched = co_await batch->run();
    if (!fetched) co_return fetched.error();
    co_return missing;
}

}  // namespace

Task<Result<void>> Share::load_files(std::vector<proto::Uri> uris, ListHooks hooks,
                                     Clock::Span outage) {
    const Parts parts{node_->fetches, node_->inventory, node_->parts.runtime.executor};
    const auto missing = co_await fetch_documents(parts, uris, outage);
    if (!missing) co_return missing.error();
    std::vector<FileBatch::File> files;
    std::vector<std::size_t> indices;  // of these
    std::vector<Diagnosis> known;      // of these, before they are fetched
    std::vector<NodeId> givers;
    for (std::size_t i = 0; i < uris.size(); ++i) {
        if (const auto at = missing->find(uris[i].sha1); at != missing->end()) {
            hooks.ended(i, at->second.error, at->second.why);
            continue;
        }
        Diagnosis diagnosis;
        auto named = co_await node_->resolve(uris[i], diagnosis);
        std::error_code failure = named ? std::error_code() : named.error();
        if (failure == asio::error::operation_aborted) co_return failure;
        if (named && named->directory) {
            diagnosis.add({.code = Finding::Code::not_to_path});
            failure = Errc::usage;
        }
        if (failure) {
            hooks.ended(i, failure, diagnosis);
            continue;
        }
        if (givers.empty()) givers = named->uploaders;
        files.push_back({named->file});
        indices.push_back(i);
        known.push_back(std::move(diagnosis));
    }
    std::weak_ptr<FileBatch> running;
    const FileBatch::Hooks each{
        .moved = [&](std::size_t index,
                     const FetchProgress& at) { hooks.moved(indices[index], at); },
        .ended =
            [&](std::size_t index, const Result<Fetched>& fetched, const Diagnosis& why) {
                if (fetched) {
                    const Loaded loaded{fetched->path, !fetched->uploaders.empty()};
                    hooks.ended(indices[index], loaded, known[index]);
                } else {
                    for (const Finding& finding : why.all()) known[index].add(finding);
                    hooks.ended(indices[index], fetched.error(), known[index]);
                }
                return true;
            },
        .begun =
            [&](std::size_t index) {
                hooks.begun(indices[index], [running, index] {
                    if (const auto batch = running.lock()) batch->cancel(index);
                });
            }};
    const auto batch = std::make_shared<FileBatch>(parts.fetches, parts.inventory, parts.executor,
                                                   std::move(files), std::move(givers),
                                                   FileBatch::Terms{outage, fetches_of_list}, each);
    running = batch;
    co_return co_await batch->run();
}

}  // namespace kp2p
