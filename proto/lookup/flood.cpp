#include "proto/lookup/flood.hpp"

#include <algorithm>

namespace kp2p::proto {
namespace {

constexpr auto hop_span = std::chrono::seconds(1);  // that each hop may take to answer

bool contains(const std::vector<EdgeKey>& edges, EdgeKey edge) {
    return std::find(edges.begin(), edges.end(), edge) != edges.end();
}

}  // namespace

void Flood::add_edge(Time now, EdgeKey edge, const End& end) {
    if (!edges_.try_emplace(edge, now, end).second) return;
    for (auto& [key, search] : searches_) ask(key, search, edge);
    send_unsent(now);
}

void Flood::remove_edge(EdgeKey edge) {
    if (edges_.erase(edge) == 0) return;
    const std::set<Name> active = active_;  // whatever is concluded leaves it
    for (const Name& name : active)
        if (Handled& handled = handled_.at(name); handled.waiting.erase(edge))
            conclude(name, handled);
    for (auto& [key, search] : searches_) search.waiting.erase(edge);
}

void Flood::receive(Time now, EdgeKey edge, const LookupMessage& message) {
    if (!edges_.contains(edge)) return;
    if (const auto* seeking = std::get_if<Seeking>(&message)) receive_seeking(now, edge, *seeking);
    if (const auto* providing = std::get_if<Providing>(&message))
        receive_providing(edge, *providing);
    if (const auto* lacking = std::get_if<Lacking>(&message))
        receive_lacking(edge, lacking->request);
}

// ---- what neighbours ask ----

void Flood::receive_seeking(Time now, EdgeKey edge, const Seeking& seeking) {
    Edge& from = edges_.at(edge);
    const Name name{from.end.channel, seeking.request};
    if (requests_.contains(seeking.request)) return lack(edge, seeking.request);
    const auto known = handled_.find(name);
    if (known != handled_.end() && known->second.file == seeking.file)
        return receive_again(edge, seeking, known->second);
    if (from.looking >= max_looking || !from.looking_left.spend(now))
        return lack(edge, seeking.request);
    ++from.looking;
    if (known == handled_.end() && may_pass(now, from, seeking)) return handle(now, edge, seeking);
    look({name, seeking.file, edge, false});
}

// Whoever asks is told of ourselves, and whoever searches of the others too: else a neighbour that
// is quick to ask for what it hears others search would keep the answers from them.
void Flood::receive_again(EdgeKey edge, const Seeking& seeking, Handled& handled) {
    const bool again = contains(handled.origins, edge) || contains(handled.askers, edge);
    if (again || handled.origins.size() + handled.askers.size() > max_fanout)
        return lack(edge, seeking.request);
    const bool searches = seeking.hops >= max_hops && !handled.answered;
    (searches ? handled.origins : handled.askers).push_back(edge);
    if (handled.looking) return;
    if (handled.local) answer(edge, seeking.request, handled.file, *handled.local);
    if (!searches) lack(edge, seeking.request);
}

bool Flood::may_pass(Time now, Edge& edge, const Seeking& seeking) {
    if (seeking.hops == 0) return false;
    TokenBucket& own = seeking.hops >= max_hops ? edge.own_left : edge.others_left;
    return own.spend(now) || (active_.size() < max_active && shared_.spend(now));
}

void Flood::handle(Time now, EdgeKey edge, const Seeking& seeking) {
    const ChannelTag channel = edges_.at(edge).end.channel;
    const Name name{channel, seeking.request};
    remember(now, name);
    active_.insert(name);
    Handled& handled = handled_[name];
    handled.origins.push_back(edge);
    handled.file = seeking.file;
    look({name, seeking.file, edge, true});
    const auto hops = static_cast<std::uint8_t>(std::min(seeking.hops, max_hops) - 1);
    for (auto& [other, to] : edges_) {
        if (other == edge || to.end.channel != channel) continue;
        if (handled.waiting.size() >= max_fanout) break;
        if (!to.asking_others_left.spend(now)) continue;
        handled.waiting.emplace(other, Asked{now + (hops + 1) * hop_span});
        events_.push_back(Send{other, Seeking{seeking.request, seeking.file, hops}});
    }
}

void Flood::look(Looking looking) {
    events_.push_back(Look{looking.from, next_ticket_, looking.file});
    tickets_.emplace(next_ticket_++, looking);
}

void Flood::looked(std::uint64_t ticket, std::optional<LocalFile> local) {
    const auto found = tickets_.find(ticket);
    if (found == tickets_.end()) return;
    const auto [name, file, from, is_handled] = found->second;
    tickets_.erase(found);
    if (const auto edge = edges_.find(from); edge != edges_.end() && edge->second.looking > 0)
        --edge->second.looking;
    const auto at = handled_.find(name);
    if (!is_handled) {
        if (local) answer(from, name.second, file, *local);
        lack(from, name.second);
    } else if (at != handled_.end() && at->second.file == file) {
        know(name, at->second, local);
    }
}

void Flood::know(const Name& name, Handled& handled, const std::optional<LocalFile>& local) {
    handled.looking = false;
    handled.local = local;
    for (const EdgeKey edge : handled.origins)
        if (local) answer(edge, name.second, handled.file, *local);
    for (const EdgeKey edge : handled.askers) {
        if (local) answer(edge, name.second, handled.file, *local);
        lack(edge, name.second);
    }
    conclude(name, handled);
}

void Flood::answer(EdgeKey edge, const RequestId& request, const Sha1& file,
                   const LocalFile& local) {
    if (!edges_.contains(edge)) return;
    events_.push_back(Send{edge, Providing{request, file, local.size_bytes, own_, local.complete}});
}

void Flood::lack(EdgeKey edge, const RequestId& request) {
    if (edges_.contains(edge)) events_.push_back(Send{edge, Lacking{request}});
}

void Flood::conclude(const Name& name, Handled& handled) {
    if (handled.answered || handled.looking || !handled.waiting.empty()) return;
    handled.answered = true;
    active_.erase(name);
    for (const EdgeKey edge : handled.origins) lack(edge, name.second);
}

void Flood::remember(Time now, const Name& name) {
    remembered_.emplace_back(now, name);
    while (remembered_.size() > max_remembered || now - remembered_.front().first > remember_span) {
        active_.erase(remembered_.front().second);
        handled_.erase(remembered_.front().second);
        remembered_.pop_front();
    }
}

// ---- what they answer ----

void Flood::receive_providing(EdgeKey edge, const Providing& providing) {
    const End& from = edges_.at(edge).end;
    SearchKey key;
    if (Search* search = own_search(providing.request, key)) {
        const auto asked = search->waiting.find(edge);
        if (asked == search->waiting.end() || !asked->second.give_up) return;
        if (providing.file != search->file || providing.node == own_) return;
        if (providing.node != from.node && ++asked->second.answers > max_answers) return;
        if (search->found.insert(providing.node).second) events_.push_back(Found{key, providing});
        return;
    }
    const auto found = handled_.find({from.channel, providing.request});
    if (found != handled_.end() && providing.file == found->second.file)
        pass_back(edge, providing, found->second);
}

void Flood::pass_back(EdgeKey edge, const Providing& providing, Handled& handled) {
    const auto asked = handled.waiting.find(edge);
    if (asked == handled.waiting.end()) return;
    if (providing.node != edges_.at(edge).end.node) {
        if (asked->second.answers >= max_passed_back_each) return;
        if (handled.distant >= max_passed_back) return;
        ++asked->second.answers;
        ++handled.distant;
    }
    if (!handled.passed_back.insert(providing.node).second) return;
    for (const EdgeKey origin : handled.origins)
        if (edges_.contains(origin)) events_.push_back(Send{origin, providing});
}

void Flood::receive_lacking(EdgeKey edge, const RequestId& request) {
    SearchKey key;
    if (Search* search = own_search(request, key)) {
        const auto asked = search->waiting.find(edge);
        if (asked == search->waiting.end() || !asked->second.give_up) return;
        search->waiting.erase(asked);
        --edges_.at(edge).owed;
        return;
    }
    const auto found = handled_.find({edges_.at(edge).end.channel, request});
    if (found == handled_.end()) return;
    if (found->second.waiting.erase(edge)) conclude(found->first, found->second);
}

// ---- searches of ours ----

void Flood::search(Time now, SearchKey key, const Sha1& file, const RequestId& request) {
    end_search(key);
    Search& search = searches_[key];
    search.request = request;
    search.file = file;
    requests_[request] = key;
    for (const auto& [edge, to] : edges_) ask(key, search, edge);
    send_unsent(now);
}

void Flood::ask(SearchKey key, Search& search, EdgeKey edge) {
    ++search.asked;
    search.waiting.emplace(edge, Asked());
    edges_.at(edge).unsent.insert(key);
}

void Flood::send_unsent(Time now) {
    for (auto& [edge, to] : edges_)
        while (!to.unsent.empty() && to.asking_own_left.spend(now)) {
            const SearchKey key = to.unsent.extract(to.unsent.begin()).value();
            Search& search = searches_.at(key);
            search.waiting.at(edge).give_up = now + (max_hops + 2) * hop_span;
            ++to.owed;
            events_.push_back(Send{edge, Seeking{search.request, search.file, max_hops}});
        }
}

void Flood::end_search(SearchKey key) {
    const auto found = searches_.find(key);
    if (found == searches_.end()) return;
    for (auto& [edge, to] : edges_) to.unsent.erase(key);
    for (const auto& [edge, asked] : found->second.waiting)
        if (asked.give_up) --edges_.at(edge).owed;
    requests_.erase(found->second.request);
    searches_.erase(found);
}

Flood::Search* Flood::own_search(const RequestId& request, SearchKey& key) {
    const auto found = requests_.find(request);
    if (found == requests_.end()) return nullptr;
    key = found->second;
    return &searches_.at(key);
}

// ---- time ----

void Flood::expire(Time now) {
    const auto late = [&](const auto& entry) {
        return entry.second.give_up && *entry.second.give_up <= now;
    };
    const std::set<Name> active = active_;
    for (const Name& name : active)
        if (Handled& handled = handled_.at(name); std::erase_if(handled.waiting, late))
            conclude(name, handled);
    for (auto& [key, search] : searches_) {
        for (const auto& asked : search.waiting) {
            if (!late(asked)) continue;
            Edge& at = edges_.at(asked.first);
            --at.owed;
            if (asked.second.answers == 0) ++search.silent[at.end.channel];
        }
        std::erase_if(search.waiting, late);
    }
    send_unsent(now);
}

std::optional<Flood::Time> Flood::deadline() const {
    std::optional<Time> first;
    const auto consider = [&](const std::map<EdgeKey, Asked>& waiting) {
        for (const auto& [edge, asked] : waiting)
            first = std::min(first.value_or(Time::max()), asked.give_up.value_or(Time::min()));
    };
    for (const Name& name : active_) consider(handled_.at(name).waiting);
    for (const auto& [key, search] : searches_) consider(search.waiting);
    return first;
}

std::size_t Flood::asked(SearchKey search) const {
    const auto found = searches_.find(search);
    return found == searches_.end() ? 0 : found->second.asked;
}

std::size_t Flood::waiting(SearchKey search) const {
    const auto found = searches_.find(search);
    return found == searches_.end() ? 0 : found->second.waiting.size();
}

std::size_t Flood::silent(SearchKey search, ChannelTag channel) const {
    const auto found = searches_.find(search);
    if (found == searches_.end()) return 0;
    const auto silent = found->second.silent.find(channel);
    return silent == found->second.silent.end() ? 0 : silent->second;
}

bool Flood::owes(EdgeKey edge) const {
    const auto at = edges_.find(edge);
    return at != edges_.end() && at->second.owed > 0;
}

}  // namespace kp2p::proto
