#include "node/share/transfer/remote_file.hpp"

#include <utility>

#include "node/share/transfer/transfer_session.hpp"
#include "proto/outcome.hpp"

namespace kp2p {
namespace {

constexpr std::size_t event_overhead_bytes = 128;

std::size_t size_of(const TransferEvent& event) {
    const auto* opened = std::get_if<proto::Opened>(&event.message);
    const std::size_t have_bytes = opened && opened->have ? opened->have->size() : 0;
    return event_overhead_bytes + event.payload.size() + have_bytes;
}

}  // namespace

RemoteFile::RemoteFile(TransferSession& session)
    : session_(&session), why_(Errc::closed), changed_(session.executor()) {
    const auto id = session.open(*this);
    if (id)
        id_ = *id;
    else
        session_ = nullptr;
}

RemoteFile::RemoteFile(TransferSession& session, const Sha1& file, First first)
    : RemoteFile(session) {
    if (!session_) return;
    session.say("opening " + file.hex());
    if (first == First::last_chunk) session.put(encode(proto::WantLast{id_}));
    session.put(encode(proto::Open{id_, file}));
}

RemoteFile::RemoteFile(TransferSession& session, std::vector<Sha1> small_files)
    : RemoteFile(session) {
    if (!session_) return;
    session.say("asking for " + std::to_string(small_files.size()) + " small files");
    session.put(encode(proto::GetFiles{id_, std::move(small_files)}));
}

Task<Result<TransferEvent>> RemoteFile::next() {
    while (waiting_.empty() && session_) {
        auto woken = co_await changed_.wait();
        if (!woken) co_return woken.error();
    }
    if (waiting_.empty()) co_return why_;
    TransferEvent event = std::move(waiting_.front());
    waiting_.pop_front();
    const bool was_full = full();
    waiting_bytes_ -= size_of(event);
    if (was_full && !full() && session_) session_->made_room();
    co_return event;
}

void RemoteFile::ask(proto::ChunkIndex index) {
    if (session_) session_->put(encode(proto::Get{id_, index}));
}

void RemoteFile::call_off(proto::ChunkIndex index) {
    if (session_) session_->put(encode(proto::Cancel{id_, index}));
}

void RemoteFile::ask_slice(std::uint64_t offset, std::uint64_t length) {
    if (session_) session_->put(encode(proto::GetSlice{id_, offset, length}));
}

void RemoteFile::close() {
    if (auto* session = std::exchange(session_, nullptr)) session->close(id_);
    waiting_.clear();
    waiting_bytes_ = 0;
    why_ = Errc::closed;
    changed_.notify_all();
}

Clock::Time RemoteFile::gave_at() const { return session_ ? session_->gave_at() : Clock::Time(); }

std::vector<Throttle*> RemoteFile::asking_pace() const {
    return session_ ? session_->asking_pace() : std::vector<Throttle*>();
}

void RemoteFile::deliver(TransferEvent event) {
    waiting_bytes_ += size_of(event);
    waiting_.push_back(std::move(event));
    changed_.notify_all();
}

void RemoteFile::end(std::error_code why) {
    session_ = nullptr;
    why_ = why;
    changed_.notify_all();
}

}  // namespace kp2p
