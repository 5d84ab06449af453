#include "proto/dht/table/routing_table.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace kp2p::proto::dht {
namespace {

constexpr auto id_less = [](const auto& node, const DhtId& id) { return node->id < id; };

}  // namespace

TableNode* RoutingTable::add(const Endpoint& address, Tick now) {
    const DhtId id = id_of(address);
    if (id == self_ || by_id_.contains(id)) return nullptr;
    auto& row = rows_[row_index(id)];
    if (row.size() >= row_capacity) return nullptr;
    TableNode node;
    node.id = id;
    node.address = address;
    node.added = node.pinged = node.seen = now;
    const auto place = nodes_.insert(nodes_.end(), node);
    by_id_.emplace(id, place);
    row.insert(std::lower_bound(row.begin(), row.end(), id, id_less), place);
    return &*place;
}

TableNode* RoutingTable::find(const DhtId& id) {
    const auto found = by_id_.find(id);
    return found == by_id_.end() ? nullptr : &*found->second;
}

void RoutingTable::remove(const DhtId& id) {
    const auto found = by_id_.find(id);
    if (found == by_id_.end()) return;
    const auto row = rows_.find(row_index(id));
    row->second.erase(std::lower_bound(row->second.begin(), row->second.end(), id, id_less));
    if (row->second.empty()) rows_.erase(row);
    nodes_.erase(found->second);
    by_id_.erase(found);
}

void RoutingTable::heard(const DhtId& id) {
    const auto found = by_id_.find(id);
    if (found == by_id_.end()) return;
    found->second->leaves = false;
    nodes_.splice(nodes_.end(), nodes_, found->second);
}

std::vector<const TableNode*> RoutingTable::row_of(const DhtId& id) const {
    std::vector<const TableNode*> nodes;
    const auto row = rows_.find(row_index(id));
    if (row == rows_.end()) return nodes;
    for (const auto& place : row->second) nodes.push_back(&*place);
    return nodes;
}

std::vector<Endpoint> RoutingTable::closest(const DhtId& target, std::size_t count) const {
    std::vector<Endpoint> addresses;
    const auto take = [&](const auto& row) {
        for (const auto& place : row.second)
            if (addresses.size() < count && !place->leaves) addresses.push_back(place->address);
    };
    const auto above = rows_.upper_bound(row_index(target));
    for (auto row = std::make_reverse_iterator(above); row != rows_.rend(); ++row) take(*row);
    for (auto row = above; row != rows_.end(); ++row) take(*row);
    return addresses;
}

std::vector<TableNode*> RoutingTable::oldest(std::size_t count) {
    std::vector<TableNode*> nodes;
    for (auto node = nodes_.begin(); node != nodes_.end() && nodes.size() < count; ++node)
        nodes.push_back(&*node);
    return nodes;
}

std::vector<TableNode*> RoutingTable::latest(std::size_t count, std::size_t skip) {
    std::vector<TableNode*> nodes;
    for (auto node = nodes_.rbegin(); node != nodes_.rend() && nodes.size() < count; ++node) {
        if (skip)
            --skip;
        else
            nodes.push_back(&*node);
    }
    return nodes;
}

const TableNode& RoutingTable::at(std::size_t n) const {
    return *std::next(nodes_.begin(), static_cast<std::ptrdiff_t>(n));
}

void RoutingTable::rebuild(const DhtId& self) {
    RoutingTable table(self);
    for (const TableNode& node : nodes_)
        if (TableNode* added = table.add(node.address, node.added)) *added = node;
    *this = std::move(table);
}

}  // namespace kp2p::proto::dht
