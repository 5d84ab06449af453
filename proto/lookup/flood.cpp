#include "proto/lookup/flood.hpp"

#include <algorithm>

namespace kp2p::proto {
namespace {

constexpr auto hop_span = std::chrono::seconds(1);  // that each hop may take to answer

bool contains(const std::vector<LinkKey>& links, LinkKey link) {
    return std::find(links.begin(), links.end(), link) != links.end();
}

}  // namespace

void Flood::add_link(Time now, LinkKey link, const End& end) {
    if (!links_.try_emplace(link, now, end).second) return;
    for (auto& [key, search] : searches_) ask(key, search, link);
    send_unsent(now);
}

void Flood::remove_link(LinkKey link) {
    if (links_.erase(link) == 0) return;
    const std::set<Name> active = active_;  // whatever is concluded leaves it
    for (const Name& name : active)
        if (Handled& handled = handled_.at(name); handled.waiting.erase(link))
            conclude(name, handled);
    for (auto& [key, search] : searches_) search.waiting.erase(link);
}

void Flood::receive(Time now, LinkKey link, const LookupMessage& message) {
    if (!links_.contains(link)) return;
    if (const auto* seeking = std::get_if<Seeking>(&message)) receive_seeking(now, link, *seeking);
    if (const auto* providing = std::get_if<Providing>(&message))
        receive_providing(link, *providing);
    if (const auto* lacking = std::get_if<Lacking>(&message))
        receive_lacking(link, lacking->request);
}

// ---- what neighbours ask ----

void Flood::receive_seeking(Time now, LinkKey link, const Seeking& seeking) {
    Link& from = links_.at(link);
    const Name name{from.end.channel, seeking.request};
    if (requests_.contains(seeking.request)) return lack(link, seeking.request);
    const auto known = handled_.find(name);
    if (known != handled_.end() && known->second.file == seeking.file)
        return receive_again(link, seeking, known->second);
    if (from.looking >= max_looking || !from.looking_left.spend(now))
        return lack(link, seeking.request);
    ++from.looking;
    if (known == handled_.end() && may_pass(now, from, seeking)) return handle(now, link, seeking);
    look({name, seeking.file, link, false});
}

// Whoever asks is told of ourselves, and whoever searches of the others too: else a neighbour that
// is quick to ask for what it hears others search would keep the answers from them.
void Flood::receive_again(LinkKey link, const Seeking& seeking, Handled& handled) {
    const bool again = contains(handled.origins, link) || contains(handled.askers, link);
    if (again || handled.origins.size() + handled.askers.size() > max_fanout)
        return lack(link, seeking.request);
    const bool searches = seeking.hops >= max_hops && !handled.answered;
    (searches ? handled.origins : handled.askers).push_back(link);
    if (handled.looking) return;
    if (handled.local) answer(link, seeking.request, handled.file, *handled.local);
    if (!searches) lack(link, seeking.request);
}

bool Flood::may_pass(Time now, Link& link, const Seeking& seeking) {
    if (seeking.hops == 0) return false;
    TokenBucket& own = seeking.hops >= max_hops ? link.own_left : link.others_left;
    return own.spend(now) || (active_.size() < max_active && shared_.spend(now));
}

void Flood::handle(Time now, LinkKey link, const Seeking& seeking) {
    const ChannelTag channel = links_.at(link).end.channel;
    const Name name{channel, seeking.request};
    remember(now, name);
    active_.insert(name);
    Handled& handled = handled_[name];
    handled.origins.push_back(link);
    handled.file = seeking.file;
    look({name, seeking.file, link, true});
    const auto hops = static_cast<std::uint8_t>(std::min(seeking.hops, max_hops) - 1);
    for (auto& [other, to] : links_) {
        if (other == link || to.end.channel != channel) continue;
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
    if (const auto link = links_.find(from); link != links_.end() && link->second.looking > 0)
        --link->second.looking;
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
    for (const LinkKey link : handled.origins)
        if (local) answer(link, name.second, handled.file, *local);
    for (const LinkKey link : handled.askers) {
        if (local) answer(link, name.second, handled.file, *local);
        lack(link, name.second);
    }
    conclude(name, handled);
}

void Flood::answer(LinkKey link, const RequestId& request, const Sha1& file,
                   const LocalFile& local) {
    if (!links_.contains(link)) return;
    events_.push_back(Send{link, Providing{request, file, local.size_bytes, own_, local.complete}});
}

void Flood::lack(LinkKey link, const RequestId& request) {
    if (links_.contains(link)) events_.push_back(Send{link, Lacking{request}});
}

void Flood::conclude(const Name& name, Handled& handled) {
    if (handled.answered || handled.looking || !handled.waiting.empty()) return;
    handled.answered = true;
    active_.erase(name);
    for (const LinkKey link : handled.origins) lack(link, name.second);
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

void Flood::receive_providing(LinkKey link, const Providing& providing) {
    const End& from = links_.at(link).end;
    SearchKey key;
    if (Search* search = own_search(providing.request, key)) {
        const auto asked = search->waiting.find(link);
        if (asked == search->waiting.end() || !asked->second.give_up) return;
        if (providing.file != search->file || providing.node == own_) return;
        if (providing.node != from.node && ++asked->second.answers > max_answers) return;
        if (search->found.insert(providing.node).second) events_.push_back(Found{key, providing});
        return;
    }
    const auto found = handled_.find({from.channel, providing.request});
    if (found != handled_.end() && providing.file == found->second.file)
        pass_back(link, providing, found->second);
}

void Flood::pass_back(LinkKey link, const Providing& providing, Handled& handled) {
    const auto asked = handled.waiting.find(link);
    if (asked == handled.waiting.end()) return;
    if (providing.node != links_.at(link).end.node) {
        if (asked->second.answers >= max_passed_back_each) return;
        if (handled.distant >= max_passed_back) return;
        ++asked->second.answers;
        ++handled.distant;
    }
    if (!handled.passed_back.insert(providing.node).second) return;
    for (const LinkKey origin : handled.origins)
        if (links_.contains(origin)) events_.push_back(Send{origin, providing});
}

void Flood::receive_lacking(LinkKey link, const RequestId& request) {
    SearchKey key;
    if (Search* search = own_search(request, key)) {
        const auto asked = search->waiting.find(link);
        if (asked != search->waiting.end() && asked->second.give_up) search->waiting.erase(asked);
        return;
    }
    const auto found = handled_.find({links_.at(link).end.channel, request});
    if (found == handled_.end()) return;
    if (found->second.waiting.erase(link)) conclude(found->first, found->second);
}

// ---- searches of ours ----

void Flood::search(Time now, SearchKey key, const Sha1& file, const RequestId& request) {
    end_search(key);
    Search& search = searches_[key];
    search.request = request;
    search.file = file;
    requests_[request] = key;
    for (const auto& [link, to] : links_) ask(key, search, link);
    send_unsent(now);
}

void Flood::ask(SearchKey key, Search& search, LinkKey link) {
    ++search.asked;
    search.waiting.emplace(link, Asked());
    links_.at(link).unsent.insert(key);
}

void Flood::send_unsent(Time now) {
    for (auto& [link, to] : links_)
        while (!to.unsent.empty() && to.asking_own_left.spend(now)) {
            const SearchKey key = to.unsent.extract(to.unsent.begin()).value();
            Search& search = searches_.at(key);
            search.waiting.at(link).give_up = now + (max_hops + 2) * hop_span;
            events_.push_back(Send{link, Seeking{search.request, search.file, max_hops}});
        }
}

void Flood::end_search(SearchKey key) {
    const auto found = searches_.find(key);
    if (found == searches_.end()) return;
    for (auto& [link, to] : links_) to.unsent.erase(key);
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
        for (const auto& asked : search.waiting)
            if (late(asked) && asked.second.answers == 0)
                ++search.silent[links_.at(asked.first).end.channel];
        std::erase_if(search.waiting, late);
    }
    send_unsent(now);
}

std::optional<Flood::Time> Flood::deadline() const {
    std::optional<Time> first;
    const auto consider = [&](const std::map<LinkKey, Asked>& waiting) {
        for (const auto& [link, asked] : waiting)
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

}  // namespace kp2p::proto
