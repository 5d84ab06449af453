#include "node/share/fetch/small_files.hpp"

#include <algorithm>

#include "node/async/timeout.hpp"
#include "proto/transfer/block.hpp"

namespace kp2p {
namespace {

constexpr std::size_t batches_at_once = 2;       // of one node: one is read while the other comes
constexpr std::chrono::seconds silent_span{10};  // without a file or a word
constexpr int max_words = 4;                     // one after the other, instead of a file
// One that gave nothing has none of these, or only such as have to be asked for alone.
constexpr std::chrono::seconds pause_span{30};
constexpr std::chrono::seconds unknown_pause_span{1};  // where they may have been large
constexpr std::chrono::hours distrust_span{24};
constexpr std::size_t max_left_alone = 64;

// None where the bytes are not what they say.
std::optional<proto::Payload> unpacked(const TransferEvent& event, const proto::WholeFile& file) {
    if (file.encoding == proto::BlockEncoding::plain) {
        if (file.bytes.size() != file.size_bytes) return std::nullopt;
        return event.payload.part(file.bytes);
    }
    const auto plain = std::make_shared<BulkBytes>(static_cast<std::size_t>(file.size_bytes));
    if (!unpack_block(file.encoding, file.bytes, *plain)) return std::nullopt;
    return proto::Payload(plain, *plain);
}

}  // namespace

std::optional<NodeId> SmallFiles::giver(const std::vector<NodeId>& likely) const {
    std::optional<NodeId> best;
    std::size_t least = 0;
    const auto now = parts_.share.runtime.clock.now();
    const auto look_at = [&](const NodeId& node) {
        const auto alone = left_alone_.find(node);
        if (alone != left_alone_.end() && now < alone->second) return;
        Neighbour* there = parts_.hood.proven(node);
        if (!there || !there->transfer().gives_files()) return;
        if (!there->transfer().asking_pace().empty()) return;
        const auto used = givers_.find(node);
        const std::size_t owes = used == givers_.end() ? 0 : used->second.users;
        if (!best || owes < least) best = node, least = owes;
    };
    std::ranges::for_each(likely, look_at);
    if (!best) std::ranges::for_each(parts_.recent.nodes(), look_at);
    return best;
}

// Whoever finds too few batches on their way asks for all that wait.
Task<Result<void>> SmallFiles::get(NodeId node, Sha1 file, Size size) {
    if (is_coming(file)) co_return co_await share(file);
    const auto ours = std::make_shared<Wanted>(parts_.share.runtime.executor, file, size);
    coming_.emplace(file, ours);
    Giver& giver = givers_[node];
    ++giver.users;
    giver.queue.push_back(ours);
    struct Leave {  // also when this coroutine is cancelled
        SmallFiles& all;
        const NodeId& node;
        const WantedRef& ours;
        ~Leave() {
            Giver& giver = all.givers_.at(node);
            std::erase(giver.queue, ours);
            wake_next(giver);
            if (--giver.users == 0) all.givers_.erase(node);
            all.coming_.erase(ours->file);
            ours->changed.notify_all();
        }
    } leave{*this, node, ours};
    while (!ours->outcome) {
        if (giver.batches < batches_at_once && !giver.queue.empty()) {
            co_await ask_some(node, giver);
        } else {
            auto changed = co_await ours->changed.wait();
            if (!changed) co_return changed;
        }
    }
    co_return *ours->outcome;
}

Task<Result<void>> SmallFiles::share(Sha1 file) {
    const WantedRef theirs = coming_.at(file);
    while (!theirs->outcome) {
        const auto now = coming_.find(file);
        if (now == coming_.end() || now->second != theirs) co_return Errc::canceled;
        auto changed = co_await theirs->changed.wait();
        if (!changed) co_return changed;
    }
    co_return *theirs->outcome;
}

void SmallFiles::wake_next(Giver& giver) {
    if (giver.batches < batches_at_once && !giver.queue.empty())
        giver.queue.front()->changed.notify_all();
}

Task<> SmallFiles::ask_some(NodeId node, Giver& giver) {
    Batch batch;
    struct Leave {  // what was not answered is left to another
        Giver& giver;
        Batch& batch;
        bool over = false;
        void came() {
            if (!std::exchange(over, true)) --giver.batches;
            wake_next(giver);
        }
        ~Leave() {
            for (const WantedRef& each : batch) {
                if (!each->outcome) giver.queue.push_front(each);
                each->changed.notify_all();
            }
            came();
        }
    } leave{giver, batch};
    ++giver.batches;
    co_await asio::post(asio::use_awaitable);  // with what is wanted in this turn
    while (!giver.queue.empty() && batch.size() < proto::max_files_at_once) {
        batch.push_back(std::move(giver.queue.front()));
        giver.queue.pop_front();
    }
    if (batch.empty()) co_return;
    auto received = co_await receive(node, batch);
    leave.came();
    std::map<Sha1, Result<void>> put;
    if (!received.empty()) {
        std::vector<Sha1> names;
        for (const PutQueue::Content& each : received) names.push_back(each.sha1);
        auto outcomes = co_await parts_.puts.put(std::move(received));
        if (!outcomes) co_return;
        for (std::size_t i = 0; i < names.size(); ++i) put.emplace(names[i], (*outcomes)[i]);
        parts_.recent.gave(node);
    }
    for (const WantedRef& each : batch) {
        const auto at = put.find(each->file);
        each->outcome = at == put.end() ? Result<void>(Errc::not_found) : at->second;
        if (*each->outcome || each->outcome->error() != proto::Errc::wrong_hash) continue;
        distrust(node);
        each->outcome = Result<void>(Errc::not_found);
    }
}

// What came of them, in any order.
Task<PutQueue::Contents> SmallFiles::receive(NodeId node, const Batch& batch) {
    PutQueue::Contents received;
    Neighbour* there = parts_.hood.proven(node);
    if (!there || !there->transfer().gives_files()) co_return received;
    std::vector<Sha1> files;
    for (const WantedRef& each : batch) files.push_back(each->file);
    RemoteFile remote(there->transfer(), std::move(files));
    Clock& clock = parts_.share.runtime.clock;
    std::vector<bool> answered(batch.size());
    std::size_t left = batch.size();
    bool is_lost = false, is_refused = false;
    for (int words = 0; left > 0 && words < max_words;) {
        Result<TransferEvent> event = Errc::timed_out;
        if (remote.has_next()) {
            event = co_await remote.next();
        } else {
            auto next = remote.next();
            event = co_await with_timeout(clock, silent_span, std::move(next));
        }
        is_lost = !event && event.error() != Errc::timed_out && !is_refused;
        if (!event) break;
        is_refused |= std::holds_alternative<proto::Refused>(event->message);
        if (std::holds_alternative<proto::Preparing>(event->message)) ++words;
        const auto* file = std::get_if<proto::WholeFile>(&event->message);
        if (!file) continue;
        words = 0;
        const auto at = static_cast<std::size_t>(file->number);
        if (file->number >= batch.size() || answered[at]) {
            distrust(node);
            break;
        }
        answered[at] = true;
        --left;
        if (file->size_bytes == 0) continue;
        auto bytes = unpacked(*event, *file);
        if (!bytes) {
            distrust(node);
            break;
        }
        received.push_back({batch[at]->file, {*std::move(bytes)}});
    }
    const bool were_small =
        std::ranges::any_of(batch, [](const WantedRef& each) { return each->size == Size::known; });
    if (received.empty() && !is_lost)
        leave_alone(node, were_small ? pause_span : unknown_pause_span);
    co_return received;
}

// What it gives wrong is fetched otherwise, where it is blamed if it goes on like that.
void SmallFiles::distrust(const NodeId& node) {
    const auto known = left_alone_.find(node);
    const auto now = parts_.share.runtime.clock.now();
    if (known != left_alone_.end() && known->second > now + pause_span) return;
    leave_alone(node, distrust_span);
    parts_.share.runtime.log("share", node.hex() +
                                          " answers wrong when it is asked for small files "
                                          "together; it is asked for each alone from now on");
}

void SmallFiles::leave_alone(const NodeId& node, Clock::Span span) {
    if (left_alone_.size() >= max_left_alone) left_alone_.clear();
    auto& until = left_alone_[node];
    until = std::max(until, parts_.share.runtime.clock.now() + span);
}

}  // namespace kp2p
