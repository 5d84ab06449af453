// TransferSession: the transfer channel of one connection: gives files to the other, and carries
// what it says of those that are open there. Source: proto/PROTOCOL.md, section 5.
// Shape: start(), in the nursery of whoever serves the connection; stop() behind that. Nothing is
// opened or given before allow() has said of a channel.
#pragma once

#include <functional>
#include <map>
#include <memory>

#include "node/async/tasks.hpp"
#include "node/share/transfer/remote_file.hpp"
#include "node/share/transfer/uploader.hpp"
#include "node/transport/connection.hpp"
#include "node/transport/outbox.hpp"
#include "node/transport/use.hpp"

namespace kp2p {

class TransferSession {
  public:
    using Complain = std::function<void(const std::string& what)>;  // the other is at fault

    TransferSession(Runtime& runtime, Inventory& inventory, std::shared_ptr<Connection> connection,
                    Complain complain);
    TransferSession(const TransferSession&) = delete;
    ~TransferSession();

    void start(Tasks& tasks);
    void stop() { tasks_ = nullptr; }
    // In which of our channels the other is: without one, nothing is given any more.
    void allow(Rates::Names channels);

    Work work() const;

    Clock::Time gave_at() const { return gave_at_; }  // something of any file that is open there
    // Whether the other gives small files several at once, as far as it is known by now.
    bool gives_files() const { return running_ && gives_files_; }
    // What is asked of the other: the rates that hold, and none beyond.
    std::vector<Throttle*> asking_pace() const { return rates().down(place(), channels_); }

  private:
    friend class RemoteFile;

    Rates& rates() const { return inventory_.rates(); }
    Rates::Place place() const;  // of the other
    void moved(std::size_t bytes);
    FileTraffic::Bytes& traffic();  // of the path that is taken now
    void rest();
    Task<> give_memory_back();
    bool opened();
    void begin();
    Task<> run();
    Task<> talk(std::shared_ptr<MuxChannel> mux);
    Task<Result<void>> receive(Uploader& uploader, MuxMessage message);
    Task<Result<void>> hand_over(TransferEvent event);

    // For the files: which must be closed before they go. Errc::closed if the connection ends.
    Result<proto::FileId> open(RemoteFile& as);
    void close(proto::FileId id);
    void end_files(std::error_code why);
    void put(proto::Encoded message, Outbox::Sent sent = {});
    void say(const std::string& what) const;  // of it, in the log
    void made_room() { room_.notify_all(); }
    const Executor& executor() const { return runtime_.executor; }

    Runtime& runtime_;
    Inventory& inventory_;
    std::shared_ptr<Connection> connection_;
    Complain complain_;
    Tasks* tasks_ = nullptr;  // while it is served
    Rates::Names channels_;
    Event changed_;  // of that

    bool running_ = false;  // run() is
    bool again_ = false;    // the other has opened it anew meanwhile
    bool gives_files_ = false;
    std::shared_ptr<MuxChannel> mux_;  // while it is open
    Outbox outbox_;
    const Uploader* uploader_ = nullptr;  // while it is open

    std::uint64_t moved_bytes_ = 0;  // of chunks, either way, since it rested
    std::unique_ptr<Alarm> resting_;
    Clock::Time active_at_{};  // when a message came or bytes moved
    Clock::Time gave_at_{};
    std::map<proto::FileId, RemoteFile*> files_;
    proto::FileId next_file_ = 1;
    Event room_;  // one of them has some again, or is closed
};

}  // namespace kp2p
