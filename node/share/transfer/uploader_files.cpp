// The part of Uploader that gives small files, several at once.
#include <algorithm>

#include "node/async/offload.hpp"
#include "node/async/timeout.hpp"
#include "node/share/transfer/uploader.hpp"

namespace kp2p {
namespace {

constexpr std::size_t read_at_once = 16;  // a chunk's worth at most

}  // namespace

Result<void> Uploader::get_files(const proto::GetFiles& get) {
    if (is_in_use(get.id)) return proto::Errc::bad_state;
    if (batches_.size() >= proto::max_file_batches) {
        put(encode(proto::Refused{get.id, proto::RefusalCode::limit}));
        return ok;
    }
    TransferFacts facts{.kind = TransferKind::give, .file = get.files.front(), .nodes = {to_}};
    if (get.files.size() > 1)
        facts.name = "and " + std::to_string(get.files.size() - 1) + " more small files";
    const auto end = [this, id = get.id] { refuse(id, proto::RefusalCode::unavailable); };
    Batch& batch = batches_[get.id];
    batch.number = next_number_++;
    batch.files = get.files;
    batch.transfer =
        std::make_unique<Transfers::Entry>(inventory_.transfers(), std::move(facts), end);
    batch_queue_.push_back(get.id);
    batch_queue_filled_.notify_all();
    return ok;
}

Uploader::Batch* Uploader::batch(const BatchName& name) {
    const auto found = batches_.find(name.id);
    const bool same = found != batches_.end() && found->second.number == name.number;
    return same ? &found->second : nullptr;
}

Task<> Uploader::batch_loop(std::shared_ptr<MuxChannel> channel) {
    for (;;) {
        while (batch_queue_.empty()) {
            auto filled = co_await batch_queue_filled_.wait();
            if (!filled) co_return;
        }
        const proto::FileId id = batch_queue_.front();
        batch_queue_.pop_front();
        auto given = co_await give_files(channel, id);
        if (!given) co_return;
    }
}

Task<Result<void>> Uploader::give_files(std::shared_ptr<MuxChannel> channel, proto::FileId id) {
    const auto found = batches_.find(id);
    if (found == batches_.end()) co_return ok;  // closed meanwhile
    const BatchName name{id, found->second.number};
    for (std::size_t next = 0;;) {
        const Batch* wanted = batch(name);
        if (!wanted) co_return ok;
        const auto begin = wanted->files.begin() + static_cast<std::ptrdiff_t>(next);
        const std::size_t left = wanted->files.size() - next;
        if (left == 0) break;
        std::vector<Sha1> some(begin,
                               begin + static_cast<std::ptrdiff_t>(std::min(left, read_at_once)));
        const std::size_t after = next + some.size();
        auto read = co_await inventory_.small_files(std::move(some), proto::block_bytes);
        // What is cut are views of it.
        const auto contents = std::make_shared<const std::vector<ByteVector>>(std::move(read));
        auto cut = [contents, id, next] {
            const std::vector<ByteView> views(contents->begin(), contents->end());
            return proto::cut_files(id, next, views);
        };
        const auto files = co_await offload(pool_, std::move(cut));
        auto sent = co_await send_files(channel, name, files);
        if (!sent) co_return sent;
        next = after;
    }
    batches_.erase(id);
    co_return ok;
}

Task<Result<void>> Uploader::send_files(std::shared_ptr<MuxChannel> channel, BatchName name,
                                        const std::vector<proto::Block>& files) {
    for (const proto::Block& file : files) {
        if (!channel->has_room()) {
            auto waiting = channel->room();
            auto room = co_await with_timeout(clock_, unread_span, std::move(waiting));
            // It does not read, or slowly: what it is to get can be asked for again.
            if (!room && room.error() == Errc::timed_out) {
                if (batch(name)) refuse(name.id, proto::RefusalCode::limit);
                co_return ok;
            }
            if (!room) co_return room;
        }
        auto allowed = co_await turn(name.id, file.size_bytes());
        if (!allowed) co_return allowed;
        Batch* wanted = batch(name);
        if (!wanted) co_return ok;
        if (!file.bytes.empty()) {
            given_(file.size_bytes());
            wanted->transfer->moved(file.size_bytes());
            // The transfer counts as one.
            if (std::exchange(wanted->gave, true)) ++inventory_.counts().gives;
        }
        auto sent = co_await channel->send(proto::file_type, file.head, file.bytes);
        if (!sent) co_return sent;
    }
    co_return ok;
}

}  // namespace kp2p
