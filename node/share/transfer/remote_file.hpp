// RemoteFile: one file, open at a peer for as long as this lives, or small ones that are asked for
// together. What the peer says of it is awaited:
//   RemoteFile file(session, sha1);
//   while (!done) { auto event = co_await file.next(); if (!event) co_return event.error(); ... }
// Whoever has one awaits next() again and again, one call at a time: while it does not, so much
// waits, and then nothing more is read of all that the connection carries. May outlive its session.
#pragma once

#include <deque>

#include "node/async/clock.hpp"
#include "node/async/event.hpp"
#include "node/share/inventory/rates.hpp"
#include "proto/transfer/transfer.hpp"

namespace kp2p {

class TransferSession;

struct TransferEvent {
    proto::TransferMessage message;  // one that a provider sends
    proto::Payload payload;          // what the bytes of the message lie in
};

class RemoteFile {
  public:
    // That wait for next(), each counted with an overhead, at most this much beyond one.
    static constexpr std::size_t max_waiting_bytes = 1024 * 1024;

    // last_chunk: it is to come with the answer, unasked, if the peer can do that.
    enum class First { nothing, last_chunk };
    RemoteFile(TransferSession& session, const Sha1& file, First first = First::nothing);
    // At most proto::max_files_at_once, at a peer that gives files so: WholeFile is what comes.
    RemoteFile(TransferSession& session, std::vector<Sha1> small_files);
    RemoteFile(const RemoteFile&) = delete;
    ~RemoteFile() { close(); }

    // In order; after the end what had come, then the reason: Errc::closed when the file was closed
    // here, or refused, or the connection or the channel has ended, and a proto::Errc when the peer
    // has sent what cannot be read.
    Task<Result<TransferEvent>> next();
    bool has_next() const { return !waiting_.empty(); }  // then it is not waited for
    void ask(proto::ChunkIndex index);
    void call_off(proto::ChunkIndex index);
    void ask_slice(std::uint64_t offset, std::uint64_t length);
    void close();  // no more is wanted, also of what waits
    bool is_open() const { return session_ != nullptr; }
    bool is_open_over(const TransferSession& session) const { return session_ == &session; }
    // When the peer last gave something, of any file that is open there.
    Clock::Time gave_at() const;
    std::vector<Throttle*> asking_pace() const;

  private:
    friend class TransferSession;

    explicit RemoteFile(TransferSession& session);
    void deliver(TransferEvent event);
    void end(std::error_code why);  // by the session
    bool full() const { return waiting_bytes_ >= max_waiting_bytes; }

    TransferSession* session_;  // null when the file is not open there any more
    proto::FileId id_ = 0;
    std::deque<TransferEvent> waiting_;
    std::size_t waiting_bytes_ = 0;
    std::error_code why_;
    Event changed_;
};

}  // namespace kp2p
