// What becomes of whole file systems: SimDisk's other half.
#include <algorithm>
#include <utility>

#include "test/sim/disk.hpp"

namespace kp2p::test {

bool SimDisk::is_below(const Path& path, const Path& root) {
    return std::mismatch(root.begin(), root.end(), path.begin(), path.end()).first == root.end();
}

void SimDisk::make(const Path& root) {
    NodeRef node = root_;
    for (const Path& part : root.relative_path()) {
        NodeRef& next = node->names[part.native()];
        if (!next) next = new_node(true, 0755);
        node->durable_names[part.native()] = next;
        node = next;
    }
    volumes_[root];
}

void SimDisk::stop(const Path& root) {
    volumes_[root].stopped = true;
    for (auto each = open_.begin(); each != open_.end();) {
        const bool here = is_below(each->second.path, root);
        if (here && each->second.node->locked_by == each->first) each->second.node->locked_by = -1;
        each = here ? open_.erase(each) : std::next(each);
    }
}

void SimDisk::go_on(const Path& root) { volumes_[root].stopped = false; }

void SimDisk::limit(const Path& root, std::uint64_t bytes) { volumes_[root].limit_bytes = bytes; }

std::vector<SimDisk::NodeRef> SimDisk::all_below(const NodeRef& root) const {
    std::map<ino_t, NodeRef> all{{root->number, root}};
    std::vector<NodeRef> rest{root};
    while (!rest.empty()) {
        const NodeRef node = std::move(rest.back());
        rest.pop_back();
        for (const Names* names : {&node->names, &node->durable_names})
            for (const auto& [name, child] : *names)
                if (all.emplace(child->number, child).second) rest.push_back(child);
    }
    std::vector<NodeRef> sorted;
    for (const auto& [number, node] : all) sorted.push_back(node);
    return sorted;
}

void SimDisk::lose_unflushed(const Path& root) {
    for (const NodeRef& node : all_below(find(root))) lose(*node);
}

// In the order of numbers, as names differ from run to run.
void SimDisk::lose(Node& node) {
    std::map<ino_t, std::set<std::string>> differing;
    const auto note = [&differing](const Names& names, const Names& others) {
        for (const auto& [name, child] : names) {
            const auto other = others.find(name);
            if (other == others.end() || other->second != child)
                differing[child->number].insert(name);
        }
    };
    note(node.names, node.durable_names);
    note(node.durable_names, node.names);
    for (const auto& [number, names] : differing)
        for (const std::string& name : names) {
            if (toss()) continue;
            const auto saved = node.durable_names.find(name);
            if (saved == node.durable_names.end())
                node.names.erase(name);
            else
                node.names[name] = saved->second;
        }
    if (node.now.size() != node.durable.size() && toss()) node.now.resize(node.durable.size());
    for (std::size_t at = 0; at < node.now.size(); at += block_bytes) {
        const std::size_t size = std::min(block_bytes, node.now.size() - at);
        const auto block = std::span(node.now).subspan(at, size);
        ByteVector saved(size);
        if (at < node.durable.size())
            std::ranges::copy(
                std::span(node.durable).subspan(at, std::min(size, node.durable.size() - at)),
                saved.begin());
        if (!std::ranges::equal(block, saved) && toss()) std::ranges::copy(saved, block.begin());
    }
    node.durable = node.now;
    node.unsaved.clear();
    node.durable_names = node.names;
}

std::uint64_t SimDisk::used_bytes(const Path& root) const {
    std::uint64_t blocks = 0;
    for (const NodeRef& node : all_below(find(root))) blocks += node->taken.size();
    return blocks * block_bytes;
}

ByteVector SimDisk::content(const Path& path) const {
    const NodeRef node = find(path);
    return node ? node->now : ByteVector();
}

}  // namespace kp2p::test
