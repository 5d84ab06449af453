// The routing table: up to 256 rows of 20 nodes; a node's row is the number of leading bits that
// its id shares with ours. Rows are sorted by id. Besides, all nodes in the order they were last
// heard. Moments are ticks (5 s) of the node's own counter. Source: npm kademlia-routing-table
// 1.0.6, dht-rpc 6.27.0; the order of closest() is that of the reference, byte for byte.
//
// References and pointers to nodes stay valid until that node is removed or the table rebuilt.
// Memory grows with the nodes it holds, not with its rows.
#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <optional>
#include <unordered_map>
#include <vector>

#include "proto/dht/wire/id.hpp"

namespace kp2p::proto::dht {

using Tick = std::uint64_t;

struct TableNode {
    DhtId id;
    Endpoint address;
    Tick added = 0;    // joined the table
    Tick pinged = 0;   // we last talked to it
    Tick seen = 0;     // we last heard it
    Tick sampled = 0;  // its view of our address was last sampled; 0 = never
    unsigned down_hints = 0;
    bool leaves = false;      // as it has said, and is not heard since
    std::uint64_t heard = 0;  // how often
};

class RoutingTable {
  public:
    static constexpr std::size_t row_capacity = 20;

    explicit RoutingTable(const DhtId& self) : self_(self) {}

    const DhtId& self() const { return self_; }
    std::size_t size() const { return nodes_.size(); }

    // Null when the row is full, or the node is there already or ourselves.
    TableNode* add(const Endpoint& address, Tick now);
    TableNode* find(const DhtId& id);
    void remove(const DhtId& id);
    void heard(const DhtId& id);  // moves it to the end of the order

    // The whole row that `id` belongs to.
    std::vector<const TableNode*> row_of(const DhtId& id) const;
    // Of those that do not leave, in the reference's order: the row of `target`, lower rows down to
    // 0, then higher ones.
    std::vector<Endpoint> closest(const DhtId& target, std::size_t count) const;
    // From the least to the most recently heard, at most `count`.
    std::vector<TableNode*> oldest(std::size_t count);
    // From the most to the least recently heard, at most `count`, leaving out the first `skip`.
    std::vector<TableNode*> latest(std::size_t count, std::size_t skip = 0);
    // The n-th node in no particular order; n < size().
    const TableNode& at(std::size_t n) const;

    // Gives us another id; nodes that no longer fit are dropped.
    void rebuild(const DhtId& self);

  private:
    using Order = std::list<TableNode>;

    std::size_t row_index(const DhtId& id) const { return shared_prefix_bits(self_, id); }

    DhtId self_;
    Order nodes_;  // least recently heard first
    std::unordered_map<DhtId, Order::iterator, BytesHash> by_id_;
    std::map<std::size_t, std::vector<Order::iterator>> rows_;  // each sorted by id, none empty
};

}  // namespace kp2p::proto::dht
