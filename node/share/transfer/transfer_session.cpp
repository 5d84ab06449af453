#include "node/share/transfer/transfer_session.hpp"

#include <utility>

#include "node/async/memory.hpp"
#include "node/async/offload.hpp"

namespace kp2p {
namespace {

constexpr std::chrono::seconds still_span{60};  // in which files that are used would have moved
constexpr std::uint64_t worth_giving_back_bytes = 4 << 20;

}  // namespace

TransferSession::TransferSession(Runtime& runtime, Shelf& shelf,
                                 std::shared_ptr<Connection> connection, Complain complain)
    : runtime_(runtime),
      shelf_(shelf),
      connection_(std::move(connection)),
      complain_(std::move(complain)),
      changed_(runtime.executor),
      outbox_(runtime.executor) {}

TransferSession::~TransferSession() {
    connection_->on_open(proto::transfer_protocol, {});
    lose_files(&FileUser::lost);
}

void TransferSession::start(Tasks& tasks) {
    tasks_ = &tasks;
    connection_->on_open(proto::transfer_protocol,
                         [this](const proto::RemoteOpen&) { return opened(); });
}

void TransferSession::allow(bool member) {
    allowed_ = member;
    if (!allowed_ && mux_) mux_->close();
    changed_.notify_all();
}

Work TransferSession::work() const {
    const bool gives = giver_ && giver_->has_files();
    const bool moves = runtime_.clock.now() - active_at_ < still_span;
    if (!users_.empty() || (gives && moves)) return Work::busy;
    return gives ? Work::quiet : Work::none;
}

void TransferSession::rest() {
    if (moved_bytes_ != seen_bytes_) active_at_ = runtime_.clock.now();
    const bool rests = moved_bytes_ == std::exchange(seen_bytes_, moved_bytes_);
    if (!rests || moved_bytes_ - rested_at_bytes_ < worth_giving_back_bytes) return;
    rested_at_bytes_ = moved_bytes_;
    if (tasks_) tasks_->spawn(give_memory_back());
}

Task<> TransferSession::give_memory_back() {
    auto give_back = [] { return give_freed_memory_back(), ok; };
    co_await offload(runtime_.pool, give_back);
}

bool TransferSession::opened() {
    if (!tasks_) return false;
    again_ = running_;
    open();
    return true;
}

void TransferSession::open() {
    if (running_ || !tasks_) return;
    running_ = true;
    tasks_->spawn(run());
}

Task<> TransferSession::run() {
    for (;;) {
        while (!allowed_) {  // if that never comes, the connection is closed
            auto changed = co_await changed_.wait();
            if (!changed) co_return;
        }
        again_ = false;
        auto opened =
            co_await connection_->open(proto::transfer_protocol, ByteVector(), ByteVector());
        if (!opened && opened.error() != Errc::refused) break;
        if (opened) {
            mux_ = *opened;
            co_await talk(*opened);
            mux_.reset();
            outbox_.clear();
            lose_files(&FileUser::lost);
        }
        if (!again_) break;
    }
    running_ = false;
    outbox_.clear();
    lose_files(&FileUser::lost);
}

Task<> TransferSession::talk(std::shared_ptr<MuxChannel> mux) {
    auto send = [this](proto::Encoded message) { put(std::move(message)); };
    Giver giver(runtime_, shelf_, send, moved_bytes_);
    const struct Giving {
        const Giver*& giver;
        ~Giving() { giver = nullptr; }
    } giving{giver_ = &giver};
    auto body = [&](Tasks& all) -> Task<> {
        giver.work_in(all);
        all.spawn(outbox_.pour(mux));
        all.spawn(giver.give_loop(mux));
        all.spawn(giver.give_loop(mux));
        for (;;) {
            auto got = co_await mux->receive();
            if (!got) break;
            auto received = receive(giver, std::move(*got));
            if (!received) break;
        }
        all.cancel();
    };
    auto talked = co_await with_tasks(body);
    (void)talked;
    mux->close();
}

Result<void> TransferSession::receive(Giver& giver, MuxMessage message) {
    active_at_ = runtime_.clock.now();
    auto decoded = proto::decode_transfer(message.type, message.payload);
    if (!decoded && decoded.error() == proto::Errc::unknown_type) return ok;
    auto received = decoded ? giver.receive(*decoded) : Result<void>(decoded.error());
    if (!received) {
        complain_("sent a message that makes no sense");
        lose_files(&FileUser::garbage);
        return received;
    }
    const auto user_of = [&](proto::FileId id) -> FileUser* {
        const auto user = users_.find(id);
        return user == users_.end() ? nullptr : user->second;
    };
    if (const auto* data = std::get_if<proto::Data>(&*decoded)) {
        moved_bytes_ += message.payload.size();
        if (FileUser* user = user_of(data->id)) {
            gave_at_ = runtime_.clock.now();
            user->data(*data, std::move(message.payload));
        }
    } else if (const auto* preparing = std::get_if<proto::Preparing>(&*decoded)) {
        if (FileUser* user = user_of(preparing->id)) user->preparing();
    } else if (auto* opened = std::get_if<proto::Opened>(&*decoded)) {
        if (FileUser* user = user_of(opened->id)) user->opened(std::move(*opened));
    } else if (const auto* have = std::get_if<proto::Have>(&*decoded)) {
        if (FileUser* user = user_of(have->id)) user->have(have->index);
    } else if (const auto* canceled = std::get_if<proto::Canceled>(&*decoded)) {
        if (FileUser* user = user_of(canceled->id)) user->canceled(canceled->index);
    } else if (const auto* refused = std::get_if<proto::Refused>(&*decoded)) {
        FileUser* user = user_of(refused->id);
        users_.erase(refused->id);
        if (user) user->refused(refused->code);
    }
    return ok;
}

Result<proto::FileId> TransferSession::open_file(const Sha1& file, FileUser& user) {
    open();
    if (!running_) return Errc::closed;
    const proto::FileId id = next_file_++;
    users_.emplace(id, &user);
    put(encode(proto::Open{id, file}));
    return id;
}

void TransferSession::close_file(proto::FileId id) {
    if (users_.erase(id)) put(encode(proto::Close{id}));
}

void TransferSession::ask(proto::FileId id, proto::ChunkIndex index) {
    put(encode(proto::Get{id, index}));
}

void TransferSession::call_off(proto::FileId id, proto::ChunkIndex index) {
    put(encode(proto::Cancel{id, index}));
}

void TransferSession::put(proto::Encoded message) {
    if (!outbox_.put(std::move(message))) connection_->close();  // it does not read
}

void TransferSession::lose_files(void (FileUser::*how)()) {
    for (const auto& [id, user] : std::exchange(users_, {})) (user->*how)();
}

}  // namespace kp2p
