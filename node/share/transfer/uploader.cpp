#include "node/share/transfer/uploader.hpp"

#include <algorithm>

#include "node/async/timeout.hpp"

namespace kp2p {

using proto::RefusalCode;

namespace {

constexpr std::chrono::seconds preparing_span{2};  // between two messages that say so
constexpr std::chrono::seconds waiting_span{5};    // the same, of who waits for a turn

}  // namespace

Uploader::Uploader(Runtime& runtime, Inventory& inventory, Put put, Given given, Pace pace,
                   const NodeId& to)
    : clock_(runtime.clock),
      executor_(runtime.executor),
      pool_(runtime.pool),
      inventory_(inventory),
      put_(std::move(put)),
      lanes_{Lane(runtime.executor), Lane(runtime.executor)},
      given_(std::move(given)),
      pace_(std::move(pace)),
      to_(to),
      sliced_filled_(runtime.executor),
      batch_queue_filled_(runtime.executor),
      watch_(inventory, [this](const Sha1& file, std::uint64_t index, Inventory::Gain gain) {
          gained(file, index, gain);
      }) {}

Result<void> Uploader::receive(const proto::TransferMessage& message) {
    if (const auto* m = std::get_if<proto::Open>(&message)) return open(*m);
    if (const auto* m = std::get_if<proto::Get>(&message)) return get(*m);
    if (const auto* m = std::get_if<proto::GetSlice>(&message)) return get_slice(*m);
    if (const auto* m = std::get_if<proto::GetFiles>(&message)) return get_files(*m);
    if (const auto* m = std::get_if<proto::Cancel>(&message)) return cancel(*m);
    if (const auto* m = std::get_if<proto::Close>(&message)) close(m->id);
    if (const auto* m = std::get_if<proto::WantLast>(&message)) wants_last_ = m->id;
    return ok;
}

Result<void> Uploader::open(const proto::Open& open) {
    if (is_in_use(open.id)) return proto::Errc::bad_state;
    const bool follows = std::exchange(wants_last_, std::nullopt) == open.id;
    if (files_.size() >= proto::max_open_files || opening_ >= proto::max_open_files) {
        put(encode(proto::Refused{open.id, RefusalCode::limit}));
        return ok;
    }
    File& file = files_[open.id];
    file.sha1 = open.file;
    file.number = next_number_++;
    ++opening_;
    last_open_ = clock_.now();
    tasks_->spawn(open_file(open, file.number, follows ? Last::follows : Last::asked_for));
    return ok;
}

// Whether it is still wanted; if so the neighbour is told at times that it takes long.
bool Uploader::hashing(proto::FileId id, std::uint64_t number, Clock::Time& told) {
    const auto file = files_.find(id);
    if (file == files_.end() || file->second.number != number) return false;
    if (clock_.now() - told < preparing_span) return true;
    told = clock_.now();
    put(encode(proto::Preparing{id}));
    return true;
}

Task<> Uploader::open_file(proto::Open open, std::uint64_t number, Last wanted_last) {
    struct Leave {
        Uploader& of;
        ~Leave() {
            --of.opening_;
            of.short_ones().moved.notify_all();
        }
    } leave{*this};
    Clock::Time told = clock_.now();
    Inventory::Hashing wanted = [&] { return hashing(open.id, number, told); };
    auto taken = co_await inventory_.take(open.file, wanted);
    const auto file = files_.find(open.id);
    if (file == files_.end() || file->second.number != number) co_return;  // closed meanwhile
    if (!taken) {
        const bool missing = taken.error() == Errc::not_found;
        refuse(open.id, missing ? RefusalCode::not_found : RefusalCode::unavailable);
        co_return;
    }
    file->second.chunks = taken->chunks;
    file->second.complete = taken->complete;
    file->second.unproven = taken->unproven;
    file->second.transfer = shown(open.id, file->second);
    proto::Opened opened{open.id, taken->chunks->size_bytes(), std::nullopt, true};
    opened.files = true;
    if (const auto* partial = dynamic_cast<const Partial*>(taken->chunks.get()))
        opened.have = have_bits(*partial);
    const std::uint64_t last = proto::chunk_count(opened.size_bytes) - 1;
    opened.last_follows = wanted_last == Last::follows && take_last(file->second, last);
    Outbox::Sent sent;  // no chunk comes before the answer
    following_ += opened.last_follows;
    if (opened.last_follows)
        sent = [this, id = open.id, number, last] { queue_last(id, number, last); };
    put(encode(std::move(opened)), std::move(sent));
}

// Whether the requester gets the last chunk as if it had asked for it.
bool Uploader::take_last(File& file, proto::ChunkIndex last) {
    if (file.chunks->size_bytes() == 0 || !file.chunks->has(last)) return false;
    if (asked_ >= proto::max_outstanding_gets) return false;
    file.asked.emplace(last, Stage::queued);
    ++asked_;
    return true;
}

void Uploader::queue_last(proto::FileId id, std::uint64_t number, proto::ChunkIndex last) {
    --following_;
    short_ones().moved.notify_all();
    const auto file = files_.find(id);
    if (file == files_.end() || file->second.number != number) return;
    // It may have been called off, and asked for again, since.
    const Wanted wanted{id, last};
    const Stage* at = stage(wanted);
    const bool queued = std::ranges::any_of(lanes_, [&](const Lane& lane) {
        return std::ranges::find(lane.queue, wanted) != lane.queue.end();
    });
    if (at && *at == Stage::queued && !queued) queue(wanted);
}

std::unique_ptr<Transfers::Entry> Uploader::shown(proto::FileId id, const File& file) {
    const auto end = [this, id] { refuse(id, RefusalCode::unavailable); };
    return std::make_unique<Transfers::Entry>(
        inventory_.transfers(),
        TransferFacts{.kind = TransferKind::give,
                      .file = file.sha1,
                      .nodes = {to_},
                      .size_bytes = file.chunks->size_bytes()},
        end);
}

Result<void> Uploader::get(const proto::Get& get) {
    const auto found = files_.find(get.id);
    if (found == files_.end()) return ok;  // refused or closed meanwhile
    File& file = found->second;
    if (!file.chunks) return proto::Errc::bad_state;
    if (asked_ >= proto::max_outstanding_gets) {
        refuse(get.id, RefusalCode::limit);
    } else if (!can_give(file, get.index) || file.chunks->size_bytes() == 0) {
        refuse_chunk(get.id, file);
    } else if (!file.asked.emplace(get.index, Stage::queued).second) {
        return proto::Errc::bad_state;
    } else {
        ++asked_;
        queue({get.id, get.index});
        if (!file.complete) inventory_.asked(file.sha1, to_);
    }
    return ok;
}

Result<void> Uploader::cancel(const proto::Cancel& cancel) {
    const Wanted wanted{cancel.id, cancel.index};
    Stage* at = stage(wanted);
    if (!at) return ok;
    if (*at != Stage::queued) {
        *at = Stage::called_off;  // answered behind the blocks that are under way
        return ok;
    }
    for (Lane& lane : lanes_) lane.drop([&](const Wanted& queued) { return queued == wanted; });
    done(wanted);
    put(encode(proto::Canceled{cancel.id, cancel.index}));
    return ok;
}

Task<> Uploader::upload_loop(std::shared_ptr<MuxChannel> channel, Size size) {
    Lane& lane = lanes_[std::size_t(size)];
    for (;;) {
        while (lane.queue.empty()) {
            auto filled = co_await lane.filled.wait();
            if (!filled) co_return;
        }
        const Wanted wanted = lane.queue.front();
        lane.queue.pop_front();
        const Place place(lane);
        Stage* at = stage(wanted);
        if (!at) continue;
        *at = Stage::giving;
        auto given = co_await give(channel, wanted, place);
        if (!given) co_return;
    }
}

Task<Result<void>> Uploader::give(std::shared_ptr<MuxChannel> channel, Wanted wanted,
                                  const Place& place) {
    for (std::size_t next = 0;;) {
        {
            auto chunk = co_await cut(wanted);
            if (!chunk) co_return ok;
            auto sent = co_await send(channel, wanted, chunk->blocks, next, place);
            if (sent || sent.error() != Errc::timed_out) co_return sent;
        }
        // The neighbour does not read, or slowly: what it is to get can be read again in its turn.
        auto first = co_await place.first();
        if (!first) co_return first;
        auto room = co_await channel->room();
        if (!room) co_return room;
    }
}

Task<Result<Uploader::CutChunk>> Uploader::cut(Wanted wanted) {
    if (!stage(wanted)) co_return Errc::canceled;
    Cut blocks = [wanted](const Chunk& chunk) {
        return proto::cut_chunk({wanted.id, wanted.index, chunk.link}, chunk.bytes);
    };
    co_return co_await read_and(wanted, std::move(blocks));
}

Task<Result<Uploader::CutChunk>> Uploader::read_and(Wanted wanted, Cut cut) {
    const File& file = files_.at(wanted.id);
    const bool complete = file.complete;
    const Sha1 sha1 = file.sha1;
    const std::uint64_t number = file.number;
    const auto unproven = file.unproven;
    auto work = [chunks = file.chunks, unproven, wanted,
                 cut = std::move(cut)]() -> Result<CutChunk> {
        Result<Chunk> chunk = Errc::not_found;
        if (unproven) chunk = unproven->read(wanted.index);
        if (!chunk) chunk = chunks->read(wanted.index);  // by now
        if (!chunk) return chunk.error();
        auto blocks = cut(*chunk);
        return CutChunk{std::move(*chunk), std::move(blocks)};
    };
    auto made = co_await inventory_.read(file.chunks, std::move(work));
    if (made) co_return made;
    const bool gone = unproven && made.error() == Errc::not_found;
    const bool later = gone || made.error() == Errc::limit_reached;
    const auto still = files_.find(wanted.id);
    if (still != files_.end() && still->second.number == number)
        refuse(wanted.id, later ? RefusalCode::limit : RefusalCode::unavailable);
    if (complete && Inventory::is_doubtful(made.error()) && !inventory_.is_preparing(sha1))
        tasks_->spawn(doubt(sha1));
    co_return made.error();
}

// When the rate has room for them. Where many wait at a low one that takes longer than a silent
// node is waited for, so the neighbour is told at times that they come.
Task<Result<void>> Uploader::turn(proto::FileId id, std::size_t bytes) {
    const std::vector<Throttle*> throttles = pace_();
    if (throttles.empty()) co_return ok;
    std::unique_ptr<Alarm> late;
    late = clock_.alarm(executor_, [this, id, &late] {
        if (is_in_use(id)) put(encode(proto::Preparing{id}));
        late->set(clock_.now() + waiting_span);
    });
    late->set(clock_.now() + waiting_span);
    for (Throttle* throttle : throttles) {
        auto taken = co_await throttle->take(to_, bytes);
        if (!taken) co_return taken;
    }
    co_return ok;
}

Task<> Uploader::doubt(Sha1 file) {
    Inventory::Hashing hashing = [] { return true; };
    auto doubted = co_await inventory_.doubt(file, hashing);
    (void)doubted;  // the inventory has said what came of it
}

// From the block `next` on, which it moves; Errc::timed_out when the neighbour does not read, or
// takes long to read the chunk before.
Task<Result<void>> Uploader::send(std::shared_ptr<MuxChannel> channel, Wanted wanted,
                                  const std::vector<proto::Block>& blocks, std::size_t& next,
                                  const Place& place) {
    if (!place.is_first()) {
        auto waiting = place.first();
        auto first = co_await with_timeout(clock_, unread_span, std::move(waiting));
        if (!first) co_return first;
    }
    for (; next < blocks.size(); ++next) {
        const proto::Block& block = blocks[next];
        const bool may_wait = !short_ones().idle() || (next == 0 && coming());
        if (may_wait && !place.is_of(short_ones())) {
            auto passed = co_await with_timeout(clock_, unread_span, let_short_ones_pass());
            if (!passed) co_return passed;
        }
        if (!channel->has_room()) {
            auto waiting = channel->room();
            auto room = co_await with_timeout(clock_, unread_span, std::move(waiting));
            if (!room) co_return room;
        }
        const Stage* at = stage(wanted);
        if (at && *at != Stage::called_off) {
            auto allowed = co_await turn(wanted.id, block.size_bytes());
            if (!allowed) co_return allowed;
            at = stage(wanted);
        }
        if (!at) co_return ok;
        if (*at == Stage::called_off) {
            const proto::Encoded canceled = encode(proto::Canceled{wanted.id, wanted.index});
            done(wanted);
            co_return co_await channel->send(canceled.type, canceled.payload);
        }
        given_(block.size_bytes());
        if (auto& transfer = files_.at(wanted.id).transfer) transfer->moved(block.size_bytes());
        auto sent = co_await channel->send(proto::data_type, block.head, block.bytes);
        if (!sent) co_return sent;
    }
    done(wanted);
    co_return ok;
}

bool Uploader::can_give(const File& file, proto::ChunkIndex index) {
    return file.chunks->has(index) || (file.unproven && file.unproven->has(index));
}

// What was held unproven may have turned out to be wrong, which is not who asks to blame for.
void Uploader::refuse_chunk(proto::FileId id, const File& file) {
    refuse(id, file.unproven ? RefusalCode::limit : RefusalCode::no_chunk);
}

Uploader::Stage* Uploader::stage(const Wanted& wanted) {
    const auto file = files_.find(wanted.id);
    if (file == files_.end()) return nullptr;
    const auto asked = file->second.asked.find(wanted.index);
    return asked == file->second.asked.end() ? nullptr : &asked->second;
}

void Uploader::done(const Wanted& wanted) {
    const auto file = files_.find(wanted.id);
    if (file != files_.end()) asked_ -= file->second.asked.erase(wanted.index);
}

void Uploader::close(proto::FileId id) {
    if (batches_.erase(id)) std::erase(batch_queue_, id);
    const auto file = files_.find(id);
    if (file == files_.end()) return;
    asked_ -= file->second.asked.size() + file->second.slices.size();
    files_.erase(file);
    for (Lane& lane : lanes_) lane.drop([&](const Wanted& queued) { return queued.id == id; });
}

void Uploader::refuse(proto::FileId id, RefusalCode code) {
    close(id);
    put(encode(proto::Refused{id, code}));
}

void Uploader::gained(const Sha1& sha1, std::uint64_t index, Inventory::Gain gain) {
    for (const auto& [id, file] : files_) {
        if (!file.chunks || file.complete || file.sha1 != sha1 || !can_give(file, index)) continue;
        if (gain == Inventory::Gain::proven)
            put(encode(proto::Have{id, index}));
        else
            put(encode(proto::Unproven{id, index}));
    }
}

}  // namespace kp2p
