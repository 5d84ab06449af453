#include "node/share/share.hpp"

#include <algorithm>

#include "node/async/timeout.hpp"
#include "node/share/share_node.hpp"

namespace kp2p {
namespace {

constexpr std::chrono::milliseconds poll_span{200};

}  // namespace

Share::Share(ShareParts parts) : node_(std::make_unique<Node>(std::move(parts))) {}

Share::~Share() = default;

Task<> Share::serve(std::shared_ptr<Connection> connection) {
    co_await node_->hood.serve(std::move(connection));
}

FileTraffic Share::traffic() const { return node_->inventory.traffic(); }

Share::Moving Share::moving() const {
    Moving moving;
    for (const Transfers::Report& report : node_->inventory.transfers().reports())
        ++(report.facts.kind == TransferKind::load ? moving.loads : moving.gives);
    return moving;
}

FileCounts Share::counts() const { return node_->inventory.counts(); }

void Share::limit(proto::RateLimits limits, const std::vector<proto::ChannelLimit>& channels) {
    node_->inventory.rates().set(std::move(limits), channels);
}

Rates::Now Share::rates() const { return node_->inventory.rates().now(); }

Rates::Now Share::rates(const proto::ChannelLimit& limit) const {
    return node_->inventory.rates().now(limit);
}

Use Share::use_of(const NodeId& node) const { return node_->hood.use_of(node); }

Task<Result<void>> Share::join(ChannelName name) {
    co_return co_await node_->hood.join(std::move(name));
}

void Share::join(const ChannelName& name, const ChannelKey& key) { node_->hood.join(name, key); }

void Share::expect(const ChannelName& name) { node_->hood.expect(name); }

std::optional<ChannelKey> Share::channel_key(const ChannelName& name) const {
    const auto found = node_->hood.channels().find(name);
    if (found == node_->hood.channels().end()) return std::nullopt;
    return found->second->key;
}

Result<void> Share::leave(const ChannelName& name) { return node_->hood.leave(name); }

std::vector<ChannelName> Share::channels() const {
    std::vector<ChannelName> names;
    for (const auto& [name, channel] : node_->hood.channels()) names.push_back(name);
    return names;
}

std::vector<ChannelName> Share::expected_channels() const {
    const auto& names = node_->hood.expected();
    return {names.begin(), names.end()};
}

std::vector<ChannelName> Share::channels_with(const NodeId& node) const {
    const Use use = use_of(node);
    std::vector<ChannelName> names;
    for (const auto& [name, channel] : node_->hood.channels())
        if (use.topics.contains(channel->topic)) names.push_back(name);
    return names;
}

Task<Result<std::filesystem::path>> Share::load(proto::Uri uri, ProgressSink progress,
                                                Diagnosis& diagnosis, Clock::Span outage) {
    auto named = co_await node_->resolve(uri, diagnosis);
    if (!named) co_return named.error();
    if (named->directory) {
        diagnosis.add({.code = Finding::Code::not_to_path});
        co_return Errc::usage;
    }
    auto loaded =
        co_await node_->fetches.fetch(named->file, named->uploaders, progress, diagnosis, outage);
    if (!loaded) co_return loaded.error();
    co_return loaded->path;
}

Task<Result<std::size_t>> Share::load_directory(proto::Uri uri, ProgressSink progress,
                                                Diagnosis& diagnosis, Clock::Span outage) {
    auto named = co_await node_->resolve(uri, diagnosis);
    if (!named) co_return named.error();
    if (!named->directory) {
        diagnosis.add({.code = Finding::Code::is_file});
        co_return Errc::usage;
    }
    co_return co_await node_->fetch_all(*std::move(named), progress, diagnosis, outage);
}

Transfers& Share::transfers() { return node_->inventory.transfers(); }

Task<Result<void>> Share::cat(proto::Uri uri, std::vector<ByteRange>& ranges, ByteSink sink,
                              Diagnosis& diagnosis, ProgressSink progress, Clock::Span outage) {
    for (const ByteRange& range : ranges)
        if (range.end && *range.end < range.start) co_return Errc::usage;
    auto named = co_await node_->resolve(uri, diagnosis);
    if (!named) co_return named.error();
    if (named->directory) {
        diagnosis.add({.code = Finding::Code::is_directory});
        co_return Errc::usage;
    }
    co_return co_await node_->cat(std::move(uri), std::move(*named), ranges, sink, diagnosis,
                                  std::move(progress), outage);
}

Task<Result<std::size_t>> Share::find(proto::Uri uri,
                                      std::function<void(const FoundProvider&)> found,
                                      Diagnosis& diagnosis) {
    Sha1 file = uri.sha1;
    if (uri.kind == proto::Uri::Kind::directory && !uri.path.empty()) {
        auto named = co_await node_->resolve(uri, diagnosis);
        if (!named) co_return named.error();
        file = named->file;
    }
    std::size_t count = 0;
    auto report = [&](const NodeId& node, std::uint64_t size_bytes, bool complete) {
        ++count;
        found({node, size_bytes, complete ? Completeness::complete : Completeness::partial});
    };
    auto local = co_await node_->inventory.look(file);
    if (local) report(node_->parts.own, local->size_bytes, local->complete);

    Finder::Search search(node_->finder, file, [&](const proto::Providing& what) {
        report(what.node, what.size_bytes, what.complete);
    });
    Clock& clock = node_->parts.runtime.clock;
    const auto started = clock.now();
    const auto exhausted = [&] {
        using Heard = Neighbourhood::Heard;
        return node_->hood.exhausted(search, started, count > 0 ? Heard::somebody : Heard::nobody);
    };
    while (!exhausted() && !(local && search.quiet())) {
        auto change = node_->finder.changed().wait();
        auto changed = co_await with_timeout(clock, poll_span, std::move(change));
        if (!changed && changed.error() == asio::error::operation_aborted) co_return Errc::canceled;
    }
    if (count > 0) co_return count;
    node_->hood.explain_silence(diagnosis, &search, started);
    const Store* store = &node_->parts.store;
    auto look_back = [store, file] { return store->past_of(file); };
    auto past = co_await offload(node_->parts.runtime.pool, look_back);
    if (!past.empty()) diagnosis.add({.code = Finding::Code::storage, .what = past});
    co_return Errc::not_found;
}

Task<Result<std::vector<DirEntry>>> Share::list(proto::Uri uri, Diagnosis& diagnosis) {
    auto named = co_await node_->resolve(uri, diagnosis);
    if (!named) co_return named.error();
    if (!named->directory) {
        diagnosis.add({.code = Finding::Code::is_file});
        co_return Errc::usage;
    }
    co_return named->directory->entries();
}

}  // namespace kp2p
