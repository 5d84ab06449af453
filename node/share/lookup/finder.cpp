#include "node/share/lookup/finder.hpp"

#include <algorithm>
#include <set>
#include <utility>

namespace kp2p {
namespace {

// To look through all that is under way is not for every message.
constexpr std::chrono::milliseconds min_expiry_span{200};
constexpr std::chrono::seconds max_expiry_span{1};

}  // namespace

Finder::Edge::Edge(Finder& finder, const proto::Flood::End& end, Sink send, Look look)
    : finder_(finder), key_(finder.next_key_++) {
    finder_.edges_.emplace(key_, Ends{end, std::move(send), std::move(look)});
    finder_.flood_.add_edge(finder_.clock_.now(), key_, end);
    finder_.carry_out();
}

Finder::Edge::~Edge() {
    finder_.edges_.erase(key_);
    finder_.flood_.remove_edge(key_);
    finder_.carry_out();
}

void Finder::Edge::receive(const proto::LookupMessage& message) {
    finder_.flood_.receive(finder_.clock_.now(), key_, message);
    finder_.carry_out();
}

Finder::Search::Search(Finder& finder, const Sha1& file, Found found)
    : finder_(finder), key_(finder.next_key_++) {
    finder_.searches_.emplace(key_, std::move(found));
    finder_.flood_.search(finder_.clock_.now(), key_, file, finder_.random_.bytes<RequestId>());
    finder_.carry_out();
}

Finder::Search::~Search() {
    finder_.searches_.erase(key_);
    finder_.flood_.end_search(key_);
}

void Finder::looked(std::uint64_t ticket, std::optional<proto::LocalFile> local) {
    flood_.looked(ticket, local);
    carry_out();
}

void Finder::expire() {
    const auto now = clock_.now();
    auto deadline = flood_.deadline();
    if (deadline && *deadline <= now) {
        flood_.expire(now);
        carry_out();
        deadline = flood_.deadline();
    }
    alarmed_ = deadline.has_value();
    // What is asked from now on may be due before it.
    if (deadline) alarm_->set(std::clamp(*deadline, now + min_expiry_span, now + max_expiry_span));
}

std::size_t Finder::reached(proto::ChannelTag channel) const {
    std::set<NodeId> nodes;
    for (const auto& [key, ends] : edges_)
        if (ends.end.channel == channel) nodes.insert(ends.end.node);
    return nodes.size();
}

void Finder::carry_out() {
    // Callbacks may lead back here: what they cause is carried out by the inner call, and this one
    // looks everything up anew.
    for (const proto::Flood::Event& event : flood_.take_events()) {
        if (const auto* send = std::get_if<proto::Flood::Send>(&event)) {
            const auto edge = edges_.find(send->edge);
            if (edge != edges_.end()) edge->second.send(send->message);
        } else if (const auto* look = std::get_if<proto::Flood::Look>(&event)) {
            const auto edge = edges_.find(look->from);
            if (edge != edges_.end()) edge->second.look(look->ticket, look->file);
        } else if (const auto* found = std::get_if<proto::Flood::Found>(&event)) {
            const auto search = searches_.find(found->search);
            if (search != searches_.end()) Found(search->second)(found->what);
        }
    }
    if (!flood_.idle() && !std::exchange(alarmed_, true))
        alarm_->set(clock_.now() + min_expiry_span);
    changed_.notify_all();
}

}  // namespace kp2p
