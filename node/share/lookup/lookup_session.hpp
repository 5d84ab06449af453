// LookupSession: the lookup channels of one connection: opens one for each channel of ours, proves
// to the other that we are in it and checks its proof, and carries the searches of the Finder over
// it. Source: proto/PROTOCOL.md, sections 3 and 4.
// Shape: start(), in the nursery of whoever serves the connection; stop() behind that.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>

#include "node/async/tasks.hpp"
#include "node/share/inventory/inventory.hpp"
#include "node/share/lookup/channels.hpp"
#include "node/share/lookup/finder.hpp"
#include "node/transport/connection.hpp"

namespace kp2p {

class LookupSession {
  public:
    struct Parts {
        Runtime& runtime;
        Finder& finder;
        Inventory& inventory;
        const ChannelList& channels;
    };
    struct Owner {
        std::function<void()> changed;  // a channel is proven, or is so no more, or will not be
        std::function<void(const std::string& what)> complain;  // the other is at fault
    };

    LookupSession(Parts parts, std::shared_ptr<Connection> connection, Owner owner);
    LookupSession(const LookupSession&) = delete;
    ~LookupSession();

    void start(Tasks& tasks);
    void stop() { tasks_ = nullptr; }
    void joined(ChannelRef channel);
    void left(proto::ChannelTag channel);

    bool proven() const;             // the other has shown that it is in a channel of ours
    std::set<Topic> topics() const;  // of those channels
    std::set<ChannelName> channels() const;
    bool owes() const;  // the other, an answer to a search of ours
    // Of a channel of ours the other has not said yet whether it is in it, too.
    bool awaited() const;

  private:
    struct Lookup {  // a lookup channel: being opened while `mux` is null
        ChannelRef channel;
        std::shared_ptr<MuxChannel> mux;
        bool again = false;  // the other has opened it after it rejected ours
        bool proven = false;
        const Finder::Edge* edge = nullptr;  // while it talks
        bool leaving = false;
    };

    bool opened(const proto::RemoteOpen& open);
    Task<> run(std::uint64_t number);
    Task<> talk(std::uint64_t number);
    Task<> look(std::uint64_t ticket, Sha1 file);

    Parts parts_;
    std::shared_ptr<Connection> connection_;
    Owner owner_;
    Tasks* tasks_ = nullptr;  // while it is served
    std::map<std::uint64_t, Lookup> lookups_;
    std::uint64_t next_ = 1;
};

}  // namespace kp2p
