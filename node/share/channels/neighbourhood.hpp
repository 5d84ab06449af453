// Neighbourhood: the channels this node is in, and the connections it has, by node.
#pragma once

#include <map>
#include <set>

#include "node/share/channels/neighbour.hpp"
#include "proto/report/diagnosis.hpp"

namespace kp2p {

class Neighbourhood {
  public:
    Neighbourhood(const ShareParts& parts, Finder& finder, Inventory& inventory);

    Task<> serve(std::shared_ptr<Connection> connection);

    Task<Result<void>> join(ChannelName name);
    void join(const ChannelName& name, const ChannelKey& key);
    void expect(const ChannelName& name) { expected_.insert(name); }
    const std::set<ChannelName>& expected() const { return expected_; }
    bool expecting() const { return !expected_.empty(); }  // to be in more channels soon
    Result<void> leave(const ChannelName& name);
    const ChannelList& channels() const { return channels_; }

    // Over the best connection on which it has proven a channel; null if there is none. Valid until
    // the next wait.
    Neighbour* proven(const NodeId& node) const;
    // Until proven(node), connecting if need be. Errc::cannot_connect; Errc::refused when it is in
    // no channel of ours; Errc::timed_out when it does not say whether it is.
    Task<Result<void>> reach(NodeId node);
    Use use_of(const NodeId& node) const;  // of all connections to it
    // Of reach(), which began at `since`.
    std::vector<Finding> why_not(const NodeId& node, std::error_code why, Clock::Time since) const;
    // Whether it is no use to wait longer for answers to a search that began at `started`:
    // everybody has answered, and nobody is just being connected to; before nobody is said to have
    // the file, all channels are looked up once more.
    enum class Heard { somebody, nobody };  // who has it
    bool exhausted(const Finder::Search& search, Clock::Time started, Heard heard) const;
    // Why a search may have found nobody; null: one that has not begun. `since` is when it did.
    void explain_silence(Diagnosis& diagnosis, const Finder::Search* search,
                         Clock::Time since) const;
    Event& changed() { return changed_; }  // who is proven

  private:
    bool settling() const;
    bool looked_up_again(Clock::Time since) const;
    bool outdone(const Neighbour& neighbour) const;
    Task<> give_way(Neighbour& neighbour);
    Task<Result<void>> connect(NodeId node);
    void expected_no_more(const ChannelName& name);

    const ShareParts& parts_;
    Finder& finder_;
    Inventory& inventory_;
    ChannelList channels_;
    proto::ChannelTag next_tag_ = 1;
    std::size_t deriving_ = 0;
    std::set<ChannelName> expected_;
    Clock::Time expected_last_;  // when the last one was joined, or given up
    std::multimap<NodeId, Neighbour*> neighbours_;
    Event changed_;
};

}  // namespace kp2p
