#include "node/share/transfer/transfer_session.hpp"

#include <utility>

#include "node/async/memory.hpp"
#include "node/async/offload.hpp"

namespace kp2p {
namespace {

constexpr std::chrono::seconds still_span{60};  // in which files that are used would have moved
constexpr std::uint64_t worth_giving_back_bytes = 4 << 20;
constexpr std::chrono::seconds rest_span{1};  // without a byte moved

}  // namespace

TransferSession::TransferSession(Runtime& runtime, Inventory& inventory,
                                 std::shared_ptr<Connection> connection, Complain complain)
    : runtime_(runtime),
      inventory_(inventory),
      connection_(std::move(connection)),
      complain_(std::move(complain)),
      changed_(runtime.executor),
      outbox_(runtime.executor),
      resting_(runtime.clock.alarm(runtime.executor, [this] { rest(); })),
      room_(runtime.executor) {}

TransferSession::~TransferSession() {
    connection_->on_open(proto::transfer_protocol, {});
    end_files(Errc::closed);
}

void TransferSession::start(Tasks& tasks) {
    tasks_ = &tasks;
    connection_->on_open(proto::transfer_protocol,
                         [this](const proto::RemoteOpen&) { return opened(); });
}

void TransferSession::allow(Rates::Names channels) {
    channels_ = std::move(channels);
    if (channels_.empty() && mux_) mux_->close();
    changed_.notify_all();
    if (!channels_.empty()) begin();  // so that no file waits for it
}

Work TransferSession::work() const {
    const bool gives = uploader_ && uploader_->has_files();
    const bool moves = runtime_.clock.now() - active_at_ < still_span;
    if (!files_.empty() || (gives && moves)) return Work::busy;
    return gives ? Work::quiet : Work::none;
}

void TransferSession::moved(std::size_t bytes) {
    active_at_ = runtime_.clock.now();
    moved_bytes_ += bytes;
    if (moved_bytes_ >= worth_giving_back_bytes) resting_->set(active_at_ + rest_span);
}

FileTraffic::Bytes& TransferSession::traffic() {
    return inventory_.traffic().by_path.at(static_cast<std::size_t>(connection_->path_kind()));
}

Rates::Place TransferSession::place() const {
    const bool near = connection_->path_kind() == Path::Kind::lan;
    return near ? Rates::Place::lan : Rates::Place::elsewhere;
}

void TransferSession::rest() {
    moved_bytes_ = 0;
    if (tasks_) tasks_->spawn(give_memory_back());
}

Task<> TransferSession::give_memory_back() {
    auto give_back = [] { return give_freed_memory_back(), give_code_back(), ok; };
    co_await offload(runtime_.pool, give_back);
}

bool TransferSession::opened() {
    if (!tasks_) return false;
    again_ = running_;
    begin();
    return true;
}

void TransferSession::begin() {
    if (running_ || !tasks_) return;
    running_ = true;
    tasks_->spawn(run());
}

Task<> TransferSession::run() {
    for (;;) {
        while (channels_.empty()) {  // if that never comes, the connection is closed
            auto changed = co_await changed_.wait();
            if (!changed) co_return;
        }
        again_ = false;
        // A file that is wanted by now is opened along with it.
        mux_ = connection_->open_ahead(proto::transfer_protocol, ByteVector(), ByteVector());
        co_await talk(mux_);
        mux_.reset();
        outbox_.clear();
        end_files(Errc::closed);
        if (!again_) break;
    }
    running_ = false;
    outbox_.clear();
    end_files(Errc::closed);
}

Task<> TransferSession::talk(std::shared_ptr<MuxChannel> mux) {
    auto send = [this](proto::Encoded message, Outbox::Sent sent) {
        put(std::move(message), std::move(sent));
    };
    auto given = [this](std::size_t bytes) {
        traffic().given += bytes;
        moved(bytes);
    };
    auto pace = [this] { return rates().up(place(), channels_); };
    Uploader uploader(runtime_, inventory_, send, given, pace, connection_->remote());
    const struct Giving {
        const Uploader*& uploader;
        ~Giving() { uploader = nullptr; }
    } giving{uploader_ = &uploader};
    auto body = [&](Tasks& all) -> Task<> {
        uploader.work_in(all);
        all.spawn(outbox_.pour(mux));
        all.spawn(uploader.upload_loop(mux, Uploader::Size::longer));
        all.spawn(uploader.upload_loop(mux, Uploader::Size::longer));
        all.spawn(uploader.upload_loop(mux, Uploader::Size::of_a_block));
        all.spawn(uploader.upload_loop(mux, Uploader::Size::of_a_block));
        all.spawn(uploader.slice_loop(mux));
        all.spawn(uploader.batch_loop(mux));
        all.spawn(uploader.batch_loop(mux));
        for (;;) {
            auto got = co_await mux->receive();
            if (!got) break;
            auto received = co_await receive(uploader, std::move(*got));
            if (!received) break;
        }
        all.cancel();
    };
    auto talked = co_await with_tasks(body);
    (void)talked;
    mux->close();
}

Task<Result<void>> TransferSession::receive(Uploader& uploader, MuxMessage message) {
    active_at_ = runtime_.clock.now();
    auto decoded = proto::decode_transfer(message.type, message.payload);
    if (!decoded && decoded.error() == proto::Errc::unknown_type) co_return ok;
    auto received = decoded ? uploader.receive(*decoded) : Result<void>(decoded.error());
    if (!received) {
        complain_("sent a message that makes no sense");
        end_files(received.error());
        co_return received;
    }
    if (!proto::is_of_provider(*decoded)) co_return ok;
    const bool data = std::holds_alternative<proto::Data>(*decoded) ||
                      std::holds_alternative<proto::Slice>(*decoded) ||
                      std::holds_alternative<proto::WholeFile>(*decoded);
    if (const auto* opened = std::get_if<proto::Opened>(&*decoded)) gives_files_ |= opened->files;
    if (data) {
        traffic().received += message.payload.size();
        moved(message.payload.size());
    }
    if (data && files_.contains(proto::file_of(*decoded))) gave_at_ = runtime_.clock.now();
    TransferEvent event{std::move(*decoded), {}};
    if (data) event.payload = std::move(message.payload);
    co_return co_await hand_over(std::move(event));
}

Task<Result<void>> TransferSession::hand_over(TransferEvent event) {
    const proto::FileId id = proto::file_of(event.message);
    for (;;) {
        const auto file = files_.find(id);
        if (file == files_.end()) co_return ok;  // closed meanwhile
        if (!file->second->full()) break;
        auto woken = co_await room_.wait();
        if (!woken) co_return woken;
    }
    RemoteFile& file = *files_.at(id);
    const bool refused = std::holds_alternative<proto::Refused>(event.message);
    file.deliver(std::move(event));
    if (refused) {
        files_.erase(id);
        file.end(Errc::closed);
    }
    co_return ok;
}

// ---- files that are open at the other ----

Result<proto::FileId> TransferSession::open(RemoteFile& as) {
    begin();
    if (!running_) return Errc::closed;
    const proto::FileId id = next_file_++;
    files_.emplace(id, &as);
    return id;
}

void TransferSession::say(const std::string& what) const {
    runtime_.debug("share", what + " at " + connection_->remote().hex());
}

void TransferSession::close(proto::FileId id) {
    if (files_.erase(id)) put(encode(proto::Close{id}));
    made_room();
}

void TransferSession::end_files(std::error_code why) {
    for (const auto& [id, file] : std::exchange(files_, {})) file->end(why);
}

void TransferSession::put(proto::Encoded message, Outbox::Sent sent) {
    if (!outbox_.put(std::move(message), std::move(sent)))
        connection_->close();  // it does not read
}

}  // namespace kp2p
