// Lists of files of Share.
#include <map>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "node/share/file_batch.hpp"
#include "node/share/share_node.hpp"

namespace kp2p {
namespace {

// Several lists may be loaded at once, and each of these may have connections and buffers of its
// own.
constexpr std::size_t fetches_of_list = 8;

struct Batches {
    Fetches& fetches;
    Inventory& inventory;
    Executor executor;
    Clock::Span outage;

    std::shared_ptr<FileBatch> make(std::vector<FileBatch::File> files,
                                    FileBatch::Hooks hooks) const {
        const FileBatch::Terms terms{outage, fetches_of_list, false};
        return std::make_shared<FileBatch>(fetches, inventory, executor, std::move(files),
                                           std::vector<NodeId>(), terms, std::move(hooks));
    }
};

// Those of a list that are fetched together, each content once.
class Wanted {
  public:
    void add(const Sha1& file, std::size_t index, Diagnosis known = {}) {
        const auto [at, anew] = numbers_.try_emplace(file, files_.size());
        if (anew) {
            files_.push_back({file});
            indices_.emplace_back();
            known_.push_back(std::move(known));
        }
        indices_[at->second].push_back(index);
    }
    Task<Result<void>> fetch(const Batches& batches, const Share::ListHooks& hooks);

  private:
    std::vector<FileBatch::File> files_;
    std::vector<std::vector<std::size_t>> indices_;  // of each, in the list
    std::vector<Diagnosis> known_;                   // of each, before it is fetched
    std::map<Sha1, std::size_t> numbers_;
};

Task<Result<void>> Wanted::fetch(const Batches& batches, const Share::ListHooks& hooks) {
    std::weak_ptr<FileBatch> running;
    const FileBatch::Hooks each{
        .moved = [&](std::size_t number,
                     const FetchProgress& at) { hooks.moved(indices_[number].front(), at); },
        .ended =
            [&](std::size_t number, const Result<Fetched>& fetched, const Diagnosis& why) {
                for (const Finding& finding : why.all()) known_[number].add(finding);
                Result<Share::Loaded> loaded = Errc::canceled;
                if (fetched)
                    loaded = Share::Loaded{fetched->path, fetched->uploaders};
                else
                    loaded = fetched.error();
                for (const std::size_t index : indices_[number])
                    hooks.ended(index, loaded, known_[number]);
                return true;
            },
        .begun =
            [&](std::size_t number) {
                hooks.begun(indices_[number].front(), [running, number] {
                    if (const auto batch = running.lock()) batch->cancel(number);
                });
            }};
    const auto batch = batches.make(std::move(files_), each);
    running = batch;
    co_return co_await batch->run();
}

struct Missing {
    std::error_code error;
    Diagnosis why;
};
using MissingDocuments = std::map<Sha1, Missing>;

// Brings those of the directories that files are in.
Task<Result<MissingDocuments>> fetch_documents(const Batches& batches,
                                               const std::vector<proto::Uri>& uris) {
    MissingDocuments missing;
    std::set<Sha1> seen;
    std::vector<FileBatch::File> documents;
    for (const proto::Uri& uri : uris)
        if (uri.kind == proto::Uri::Kind::directory && seen.insert(uri.sha1).second)
            documents.push_back({uri.sha1});
    std::shared_ptr<FileBatch> batch;
    const FileBatch::Hooks hooks{
        .moved = [](std::size_t, const FetchProgress&) {},
        .ended =
            [&](std::size_t number, const Result<Fetched>& fetched, const Diagnosis& why) {
                if (!fetched) missing[batch->files()[number].sha1] = {fetched.error(), why};
                return true;
            }};
    batch = batches.make(std::move(documents), hooks);
    auto fetched = co_await batch->run();
    if (!fetched) co_return fetched.error();
    co_return missing;
}

}  // namespace

// Those in directories, which wait for their documents, keep none of the others waiting.
Task<Result<void>> Share::load_files(std::vector<proto::Uri> uris, ListHooks hooks,
                                     Clock::Span outage) {
    const Batches batches{node_->fetches, node_->inventory, node_->parts.runtime.executor, outage};
    auto within = [&]() -> Task<> {
        const auto missing = co_await fetch_documents(batches, uris);
        if (!missing) co_return;
        Wanted wanted;
        for (std::size_t i = 0; i < uris.size(); ++i) {
            if (uris[i].kind != proto::Uri::Kind::directory) continue;
            if (const auto at = missing->find(uris[i].sha1); at != missing->end()) {
                hooks.ended(i, at->second.error, at->second.why);
                continue;
            }
            Diagnosis diagnosis;
            auto named = co_await node_->resolve(uris[i], diagnosis);
            std::error_code failure = named ? std::error_code() : named.error();
            if (failure == asio::error::operation_aborted) co_return;
            if (named && named->directory) {
                diagnosis.add({.code = Finding::Code::not_to_path});
                failure = Errc::usage;
            }
            if (failure) {
                hooks.ended(i, failure, diagnosis);
                continue;
            }
            wanted.add(named->file, i, std::move(diagnosis));
        }
        auto fetched = co_await wanted.fetch(batches, hooks);
        (void)fetched;  // it fails only with all of this
    };
    auto all = [&](Tasks& tasks) -> Task<> {
        tasks.spawn(within());
        Wanted wanted;
        for (std::size_t i = 0; i < uris.size(); ++i)
            if (uris[i].kind == proto::Uri::Kind::file) wanted.add(uris[i].sha1, i);
        auto fetched = co_await wanted.fetch(batches, hooks);
        (void)fetched;  // the same
    };
    co_return co_await with_tasks(all);
}

}  // namespace kp2p
