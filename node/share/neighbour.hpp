// Neighbour: one connection as sharing sees it. Proves common channels, carries lookups, gives
// files, and fetches from it. Lives in the frame that serves the connection; others find it in the
// Neighbourhood and look it up anew after every wait. Source: proto/PROTOCOL.md, sections 3 to 5.
#pragma once

#include <map>
#include <memory>

#include "node/async/tasks.hpp"
#include "node/share/finder.hpp"
#include "node/share/giver.hpp"
#include "node/share/outbox.hpp"
#include "node/share/share.hpp"
#include "node/transport/connection.hpp"
#include "proto/lookup/channel.hpp"

namespace kp2p {

struct Channel {  // that this node is in
    proto::ChannelTag tag;
    ChannelName name;
    ChannelKey key;
    Topic topic;
};
using ChannelRef = std::shared_ptr<const Channel>;
using ChannelList = std::map<ChannelName, ChannelRef>;

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

class Neighbour {
  public:
    // A connection without a proven channel for so long is closed.
    static constexpr std::chrono::seconds proof_span{10};

    Neighbour(const ShareParts& parts, Finder& finder, Shelf& shelf, const ChannelList& channels,
              Event& changed, std::shared_ptr<Connection> connection);
    Neighbour(const Neighbour&) = delete;
    ~Neighbour();

    const NodeId& node() const { return connection_->remote(); }
    bool proven() const;  // it has shown that it is in a channel of ours
    Use use() const;
    const std::shared_ptr<Connection>& connection() const { return connection_; }

    Task<> serve();  // until the connection ends
    void joined(ChannelRef channel);
    void left(proto::ChannelTag channel);

    // Only while proven(). `user` must stay until it is closed, by either side.
    // Errc::closed if the connection ends.
    Result<proto::FileId> open_file(const Sha1& file, FileUser& user);
    void close_file(proto::FileId id);
    Clock::Time gave_at() const { return gave_at_; }  // something of any file that is open there
    void ask(proto::FileId id, proto::ChunkIndex index);
    void call_off(proto::FileId id, proto::ChunkIndex index);

  private:
    struct Lookup {  // a lookup channel: being opened while `mux` is null
        ChannelRef channel;
        std::shared_ptr<MuxChannel> mux;
        bool again = false;  // the other has opened it after it rejected ours
        bool proven = false;
        bool leaving = false;
    };

    void complain(const std::string& what);
    void disproved();
    bool lookup_opened(const proto::RemoteOpen& open);
    void start_lookup(ChannelRef channel);
    Task<> lookup_session(std::uint64_t number);
    Task<> lookup_talk(std::uint64_t number);
    Task<> look(std::uint64_t ticket, Sha1 file);
    Task<> guard();

    bool transfer_opened();
    void start_transfer();
    Task<> transfer_session();
    Task<> transfer_talk(std::shared_ptr<MuxChannel> mux);
    Result<void> receive_transfer(Giver& giver, MuxMessage message);
    void lose_files(void (FileUser::*how)());
    void put(Outbox& outbox, proto::Encoded message);

    const ShareParts& parts_;
    Finder& finder_;
    Shelf& shelf_;
    const ChannelList& channels_;
    Event& changed_;  // of the neighbourhood: who is proven
    std::shared_ptr<Connection> connection_;
    Tasks* tasks_ = nullptr;  // while it is served

    std::map<std::uint64_t, Lookup> lookups_;
    std::uint64_t next_lookup_ = 1;
    Event proof_;
    bool complained_ = false;

    bool transferring_ = false;                 // a session runs
    bool transfer_again_ = false;               // the other has opened it anew meanwhile
    std::shared_ptr<MuxChannel> transfer_mux_;  // while it is open
    Outbox transfer_out_;
    std::uint64_t moved_bytes_ = 0;  // of chunks, either way
    const Giver* giver_ = nullptr;   // while the channel is open
    Clock::Time active_at_{};        // when a message came or bytes moved
    std::map<proto::FileId, FileUser*> users_;
    Clock::Time gave_at_{};
    proto::FileId next_file_ = 1;
};

}  // namespace kp2p
