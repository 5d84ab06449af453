// Neighbour: one connection as sharing sees it: its lookup session, in which both prove common
// channels, and its transfer session. Lives in the frame that serves the connection; others find it
// in the Neighbourhood and look it up anew after every wait.
#pragma once

#include <algorithm>
#include <memory>

#include "node/share/channels/share_parts.hpp"
#include "node/share/lookup/lookup_session.hpp"
#include "node/share/transfer/transfer_session.hpp"

namespace kp2p {

class Neighbour {
  public:
    // A connection without a proven channel for so long is closed.
    static constexpr std::chrono::seconds proof_span{10};

    Neighbour(const ShareParts& parts, Finder& finder, Inventory& inventory,
              const ChannelList& channels, Event& changed, std::shared_ptr<Connection> connection);
    Neighbour(const Neighbour&) = delete;

    const NodeId& node() const { return connection_->remote(); }
    const std::shared_ptr<Connection>& connection() const { return connection_; }
    bool proven() const { return lookup_.proven(); }  // that it is in a channel of ours
    // It may be soon: it has not said yet that it is in none, as what either says may be lost on
    // the way, and come late.
    bool may_prove() const { return !proven() && lookup_.awaited(); }
    Clock::Time since() const { return since_; }  // that it is here, or can be heard
    Use use() const {
        const bool awaited = connection_->is_held() || lookup_.owes();
        const Work least = awaited ? Work::quiet : Work::none;
        return {lookup_.topics(), std::max(least, transfer_.work())};
    }

    Task<> serve();  // until the connection ends
    void joined(ChannelRef channel) { lookup_.joined(std::move(channel)); }
    void left(proto::ChannelTag channel) { lookup_.left(channel); }
    TransferSession& transfer() { return transfer_; }  // to open files, only while proven()

  private:
    void channels_changed();
    void complain(const std::string& what);
    void close_unproven();

    const ShareParts& parts_;
    Event& changed_;  // of the neighbourhood: who is proven
    std::shared_ptr<Connection> connection_;
    Clock::Time since_;
    bool complained_ = false;
    bool was_proven_ = false;
    std::unique_ptr<Alarm> unproven_;  // for too long
    LookupSession lookup_;
    TransferSession transfer_;
};

}  // namespace kp2p
