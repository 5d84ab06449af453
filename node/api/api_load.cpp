// Loads: into the storage, and bytes to the client. Each is among the transfers while it runs, and
// can be ended there.
#include "node/api/api.hpp"
#include "node/api/load_call.hpp"
#include "node/async/tasks.hpp"
#include "node/share/inventory/transfers.hpp"
#include "node/share/share.hpp"
#include "node/store/store.hpp"
#include "proto/json.hpp"
#include "proto/outcome.hpp"

namespace kp2p {
namespace {

using proto::JsonWriter;

constexpr std::size_t max_ranges = 1024, max_listed = 1024;  // of one call

// Those that a call asks for, or the one.
struct AskedRanges {
    std::vector<ByteRange> all;
    bool several = false;
};

Result<AskedRanges> ranges_of(Call& call) {
    auto start = call.optional_number("start");
    if (!start) return start.error();
    auto stop = call.optional_number("end");
    if (!stop) return stop.error();
    auto pairs = call.optional_pairs("ranges", max_ranges);
    if (!pairs) return pairs.error();
    AskedRanges asked;
    asked.several = pairs->has_value();
    for (const NumberPair& pair : pairs->value_or(std::vector<NumberPair>()))
        asked.all.push_back({pair.first, pair.second});
    if (asked.several && (*start || *stop)) {
        call.explain("\"ranges\" stands alone, without \"start\" and \"end\"");
        return Errc::usage;
    }
    if (!asked.several) asked.all.push_back({start->value_or(0), *stop});
    for (const ByteRange& range : asked.all) {
        if (!range.end || *range.end >= range.start) continue;
        call.explain("a range ends before it starts");
        return Errc::usage;
    }
    return asked;
}

// A load as one of the transfers.
class Loading {
  public:
    Loading(Transfers& all, const proto::Uri& uri)
        : entry_(all, {.kind = TransferKind::load, .file = uri.sha1, .name = uri.own_name()},
                 [this] { cancel(); }) {}
    Loading(const Loading&) = delete;

    void moved(const FetchProgress& now) {
        entry_.set(now.verified_bytes, now.size_bytes, now.from);
    }
    void gave(std::size_t bytes) { entry_.moved(bytes); }

    // What `work` gives, or Errc::canceled once it was cancelled here.
    template <class T>
    Task<Result<T>> run(Task<Result<T>> work) {
        std::optional<Result<T>> outcome;
        auto body = [&](Tasks& all) -> Task<> {
            tasks_ = &all;
            outcome = co_await std::move(work);
        };
        auto ran = co_await with_tasks(body);
        tasks_ = nullptr;
        if (outcome && *outcome) entry_.done();
        if (outcome) co_return *std::move(outcome);
        co_return ran ? make_error_code(Errc::canceled) : ran.error();
    }
    bool is_cancelled() const { return cancelled_; }

  private:
    void cancel() {
        cancelled_ = true;
        if (tasks_) tasks_->cancel();
    }

    Tasks* tasks_ = nullptr;  // while it runs
    bool cancelled_ = false;
    Transfers::Entry entry_;
};

}  // namespace

Api::Answer Api::load(Call& call) {
    auto several = call.uris(max_listed);
    if (!several) co_return several.error();
    if (several->empty()) co_return co_await counted(&Api::load_one, call);
    co_return co_await load_list(call, *std::move(several));
}

Api::Answer Api::load_one(Call& call) {
    auto uri = call.uri();
    if (!uri) co_return uri.error();
    auto directory = call.truth("directory");
    if (!directory) co_return directory.error();
    auto unnamed = call.truth("unnamed");
    if (!unnamed) co_return unnamed.error();
    auto outage = outage_of(call);
    if (!outage) co_return outage.error();
    Diagnosis diagnosis;
    Loading loading(parts_.share.transfers(), *uri);
    News news(parts_.runtime.clock);
    bool comes = false;  // from others, and is verified as it comes
    const ProgressSink progress = [&](const FetchProgress& now) {
        comes = true;
        loading.moved(now);
        if (news.is_due(now)) call.try_send(progress_line(now));
    };
    JsonWriter json;
    json.begin_object().field("event", "result");
    std::error_code failure;
    if (*directory) {
        auto all =
            co_await loading.run(parts_.share.load_directory(*uri, progress, diagnosis, *outage));
        if (all) {
            Came came{*uri, {}, Naming::none};
            (void)co_await arrived(std::move(came));
            json.field("files", *all).field("storage", parts_.store.root().string());
            co_return json.end_object().take();
        }
        failure = all.error();
    } else {
        auto loaded = co_await loading.run(parts_.share.load(*uri, progress, diagnosis, *outage));
        if (loaded) {
            Came came{*uri, *loaded, *unnamed ? Naming::none : Naming::own};
            const Arrival arrival = co_await arrived(std::move(came));
            json.field("path", arrival.path.string());
            if (comes && arrival.stamp) json.field("stamp", arrival.stamp->text());
            co_return json.end_object().take();
        }
        failure = loaded.error();
    }
    failure = failed({call, *uri, "load"}, failure, diagnosis);
    if (loading.is_cancelled()) co_return stopped(call);
    co_return failure;
}

std::error_code Api::stopped(Call& call) {
    call.explain(called_off);
    return Errc::failed;
}

Api::Answer Api::cat(Call& call) {
    auto uri = call.uri();
    if (!uri) co_return uri.error();
    auto asked = ranges_of(call);
    if (!asked) co_return asked.error();
    auto tells = call.truth("progress");
    if (!tells) co_return tells.error();
    auto outage = outage_of(call);
    if (!outage) co_return outage.error();
    Diagnosis diagnosis;
    Loading loading(parts_.share.transfers(), *uri);
    News news(parts_.runtime.clock);
    bool loads = false;  // the whole file, before any of it is sent
    const ByteSink sink = [&](ByteView bytes) {
        if (!loads) loading.gave(bytes.size());
        return call.send_bytes(bytes);
    };
    const ProgressSink progress = [&](const FetchProgress& now) {
        loads = true;
        loading.moved(now);
        if (*tells && news.is_due(now)) call.try_send_between(progress_line(now));
    };
    std::vector<ByteRange> left = asked->all;
    auto done =
        co_await loading.run(parts_.share.cat(*uri, left, sink, diagnosis, progress, *outage));
    if (!done) {
        const std::error_code failure = failed({call, *uri, "cat"}, done.error(), diagnosis);
        if (loading.is_cancelled()) co_return stopped(call);
        co_return failure;
    }
    if (uri->kind == proto::Uri::Kind::file && !uri->own_name().empty()) {
        Came came{*uri, {}, Naming::none};
        (void)co_await arrived(std::move(came));
    }
    std::uint64_t all_bytes = 0;
    for (std::size_t i = 0; i < left.size(); ++i) all_bytes += left[i].start - asked->all[i].start;
    JsonWriter json;
    json.begin_object().field("event", "result").field("bytes", all_bytes);
    if (asked->several) {
        json.key("ranges").begin_array();
        for (std::size_t i = 0; i < left.size(); ++i)
            json.value(left[i].start - asked->all[i].start);
        json.end_array();
    }
    co_return json.end_object().take();
}

}  // namespace kp2p
