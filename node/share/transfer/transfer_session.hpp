// TransferSession: the transfer channel of one connection: gives files to the other, and carries
// the files that are open there. Source: proto/PROTOCOL.md, section 5.
// Shape: start(), in the nursery of whoever serves the connection; stop() behind that. Nothing is
// opened or given before allow(true).
#pragma once

#include <functional>
#include <map>
#include <memory>

#include "node/async/tasks.hpp"
#include "node/share/transfer/giver.hpp"
#include "node/transport/connection.hpp"
#include "node/transport/outbox.hpp"
#include "node/transport/use.hpp"

namespace kp2p {

// Hears about one file that was opened at a neighbour. None is called from within open_file().
class FileUser {
  public:
    virtual ~FileUser() = default;
    virtual void preparing() = 0;  // opened() or refused() comes later
    virtual void opened(proto::Opened opened) = 0;
    virtual void data(const proto::Data& data, ByteVector payload) = 0;
    virtual void have(proto::ChunkIndex index) = 0;
    virtual void canceled(proto::ChunkIndex index) = 0;
    virtual void refused(proto::RefusalCode code) = 0;  // the file is closed then
    virtual void garbage() = 0;                         // what cannot be read; the same
    virtual void lost() = 0;                            // the neighbour is gone; the same
};

class TransferSession {
  public:
    using Complain = std::function<void(const std::string& what)>;  // the other is at fault

    TransferSession(Runtime& runtime, Shelf& shelf, std::shared_ptr<Connection> connection,
                    Complain complain);
    TransferSession(const TransferSession&) = delete;
    ~TransferSession();

    void start(Tasks& tasks);
    void stop() { tasks_ = nullptr; }
    // Whether the other is in a channel of ours: without one, nothing is given any more.
    void allow(bool member);

    Work work() const;
    void rest();  // to be called once a second, while nothing else is to be done

    // `user` must stay until it is closed, by either side. Errc::closed if the connection ends.
    Result<proto::FileId> open_file(const Sha1& file, FileUser& user);
    void close_file(proto::FileId id);
    Clock::Time gave_at() const { return gave_at_; }  // something of any file that is open there
    void ask(proto::FileId id, proto::ChunkIndex index);
    void call_off(proto::FileId id, proto::ChunkIndex index);

  private:
    Task<> give_memory_back();
    bool opened();
    void open();
    Task<> run();
    Task<> talk(std::shared_ptr<MuxChannel> mux);
    Result<void> receive(Giver& giver, MuxMessage message);
    void lose_files(void (FileUser::*how)());
    void put(proto::Encoded message);

    Runtime& runtime_;
    Shelf& shelf_;
    std::shared_ptr<Connection> connection_;
    Complain complain_;
    Tasks* tasks_ = nullptr;  // while it is served
    bool allowed_ = false;
    Event changed_;  // of that

    bool running_ = false;             // run() is
    bool again_ = false;               // the other has opened it anew meanwhile
    std::shared_ptr<MuxChannel> mux_;  // while it is open
    Outbox outbox_;
    const Giver* giver_ = nullptr;  // while it is open

    std::uint64_t moved_bytes_ = 0;  // of chunks, either way
    std::uint64_t seen_bytes_ = 0, rested_at_bytes_ = 0;
    Clock::Time active_at_{};  // when a message came or bytes moved
    Clock::Time gave_at_{};
    std::map<proto::FileId, FileUser*> users_;
    proto::FileId next_file_ = 1;
};

}  // namespace kp2p
