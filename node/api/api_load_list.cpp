// Loads of many files by one call: what is told of each is what a call for it alone would say. What
// arrives together is noted together, and told at once.
#include <map>
#include <utility>

#include "node/api/api.hpp"
#include "node/api/load_call.hpp"
#include "node/async/event.hpp"
#include "node/async/tasks.hpp"
#include "node/share/inventory/transfers.hpp"
#include "node/share/share.hpp"
#include "proto/json.hpp"
#include "proto/outcome.hpp"

namespace kp2p {
namespace {

using proto::JsonWriter;

std::string file_line(std::size_t index, const std::string& line) {
    JsonWriter json;
    json.begin_object().field("event", "file").field("index", index);
    return json.key("line").raw(line).end_object().take();
}

class Coming {  // one of them, on its way
  public:
    Coming(Transfers& all, const proto::Uri& uri, std::function<void()> cancel, Clock& clock)
        : entry_(all, {.kind = TransferKind::load, .file = uri.sha1, .name = uri.own_name()},
                 std::move(cancel)),
          news_(clock) {}
    Coming(const Coming&) = delete;

    // Whether the client is to be told.
    bool moved(const FetchProgress& now) {
        moved_ = true;
        entry_.set(now.verified_bytes, now.size_bytes, now.from);
        return news_.is_due(now);
    }
    // What came with others has told nothing before.
    void done(std::uint64_t size_bytes, const std::vector<NodeId>& from) {
        if (!moved_ && !from.empty()) entry_.set(size_bytes, size_bytes, from);
        entry_.done();
    }

  private:
    bool moved_ = false;
    Transfers::Entry entry_;
    News news_;
};

}  // namespace

struct Api::ListLoad {
    Call& call;
    const std::vector<proto::Uri>& uris;
    Naming naming;
    Event changed;
    struct Ended {
        std::size_t index;
        Share::Loaded loaded;
        std::string failure;  // its line, or it was loaded
    };
    std::map<std::size_t, Coming> coming = {};
    std::vector<Ended> ended = {};  // that the client does not know of yet
    bool is_over = false;           // none will be added
    std::size_t files = 0;          // that were loaded
};

Task<> Api::note_arrivals(ListLoad& all) {
    while (!all.is_over || !all.ended.empty()) {
        if (all.ended.empty()) {
            auto changed = co_await all.changed.wait();
            if (!changed) co_return;
            continue;
        }
        const auto ended = std::exchange(all.ended, {});
        std::vector<Came> came;
        for (const ListLoad::Ended& each : ended)
            if (each.failure.empty())
                came.push_back({all.uris[each.index], each.loaded.path, all.naming});
        std::vector<Arrival> arrivals;
        if (!came.empty()) arrivals = co_await arrived(std::move(came));
        std::string lines;
        auto next = arrivals.begin();
        for (const ListLoad::Ended& each : ended) {
            std::string line = each.failure;
            if (line.empty()) {
                const Arrival& arrival = *next++;
                JsonWriter json;
                json.begin_object().field("event", "result");
                json.field("path", arrival.path.string());
                const std::vector<NodeId>& from = each.loaded.from;
                if (!from.empty() && arrival.stamp) json.field("stamp", arrival.stamp->text());
                line = json.end_object().take();
                const auto coming = all.coming.find(each.index);
                if (coming != all.coming.end() && arrival.stamp)
                    coming->second.done(arrival.stamp->size_bytes, from);
            }
            all.coming.erase(each.index);
            lines += (lines.empty() ? "" : "\n") + file_line(each.index, line);
        }
        auto sent = co_await all.call.send(std::move(lines));
        if (!sent) co_return;
    }
}

Api::Answer Api::load_list(Call& call, std::vector<proto::Uri> uris) {
    auto unnamed = call.truth("unnamed");
    if (!unnamed) co_return unnamed.error();
    auto outage = outage_of(call);
    if (!outage) co_return outage.error();
    Clock& clock = parts_.runtime.clock;
    Transfers& transfers = parts_.share.transfers();
    ListLoad all{call, uris, *unnamed ? Naming::none : Naming::own, Event(parts_.runtime.executor)};
    Share::ListHooks hooks;
    hooks.begun = [&](std::size_t index, std::function<void()> cancel) {
        all.coming.try_emplace(index, transfers, all.uris[index], std::move(cancel), clock);
    };
    hooks.moved = [&](std::size_t index, const FetchProgress& now) {
        if (all.coming.at(index).moved(now)) call.try_send(file_line(index, progress_line(now)));
    };
    hooks.ended = [&](std::size_t index, const Result<Share::Loaded>& loaded,
                      const Diagnosis& why) {
        const std::error_code error = loaded ? std::error_code() : loaded.error();
        count_load(error);
        if (loaded) {
            ++all.files;
            all.ended.push_back({index, *loaded, {}});
        } else if (error == Errc::canceled) {  // it alone
            const ErrorWords words{.message = called_off};
            all.ended.push_back({index, {}, error_json(Errc::failed, words, Shape::events)});
        } else {
            log_failure("load", all.uris[index].sha1, error, why);
            all.ended.push_back({index, {}, error_line(error, why)});
        }
        all.changed.notify_all();
    };
    Result<void> loaded = Errc::canceled;
    auto work = [&](Tasks& tasks) -> Task<> {
        tasks.spawn(note_arrivals(all));
        loaded = co_await parts_.share.load_files(uris, hooks, *outage);
        all.is_over = true;
        all.changed.notify_all();
    };
    auto ended = co_await with_tasks(work);
    if (!ended) co_return ended.error();
    if (!loaded) co_return loaded.error();
    JsonWriter json;
    json.begin_object().field("event", "result").field("files", all.files);
    co_return json.end_object().take();
}

}  // namespace kp2p
