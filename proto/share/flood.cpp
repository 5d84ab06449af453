#include "proto/share/flood.hpp"

#include <algorithm>

namespace kp2p::proto {
namespace {

constexpr auto hop_span = std::chrono::seconds(1);  // that each hop may take to answer

}  // namespace

void Flood::add_link(Time now, LinkKey link, ChannelTag channel) {
    if (!links_.try_emplace(link, Link{channel, searches_at_once, now}).second) return;
    for (auto& [key, search] : searches_) ask(now, search, link);
}

void Flood::remove_link(LinkKey link) {
    if (links_.erase(link) == 0) return;
    for (auto& [name, handled] : handled_)
        if (handled.waiting.erase(link)) conclude(name, handled);
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

void Flood::receive_seeking(Time now, LinkKey link, const Seeking& seeking) {
    Link& from = links_.at(link);
    const Name name{from.channel, seeking.request};
    SearchKey key;
    if (!spend(now, from) || active_ >= max_active || handled_.contains(name) ||
        own_search(seeking.request, key)) {
        events_.push_back(Send{link, Lacking{seeking.request}});
        return;
    }
    remember(now, name);
    Handled& handled = handled_[name];
    handled.origin = link;
    handled.file = seeking.file;
    handled.ticket = next_ticket_;
    ++active_;
    tickets_.emplace(next_ticket_, name);
    events_.push_back(Look{link, next_ticket_++, seeking.file});
    if (seeking.hops == 0) return;
    const auto hops = static_cast<std::uint8_t>(seeking.hops - 1);
    for (const auto& [other, state] : links_) {
        if (other == link || state.channel != from.channel) continue;
        if (handled.waiting.size() >= max_fanout) break;
        handled.waiting.emplace(other, Asked{now + (hops + 1) * hop_span});
        events_.push_back(Send{other, Seeking{seeking.request, seeking.file, hops}});
    }
}

void Flood::looked(std::uint64_t ticket, std::optional<LocalFile> local) {
    const auto found = tickets_.find(ticket);
    if (found == tickets_.end()) return;
    const Name name = found->second;
    tickets_.erase(found);
    const auto at = handled_.find(name);
    if (at == handled_.end() || at->second.ticket != ticket) return;
    Handled& handled = at->second;
    handled.ticket.reset();
    if (local && links_.contains(handled.origin)) {
        const Providing providing{name.second, handled.file, local->size_bytes, own_,
                                  local->complete};
        events_.push_back(Send{handled.origin, providing});
    }
    conclude(name, handled);
}

void Flood::receive_providing(LinkKey link, const Providing& providing) {
    SearchKey key;
    if (Search* search = own_search(providing.request, key)) {
        const auto asked = search->waiting.find(link);
        if (asked == search->waiting.end() || ++asked->second.answers > max_answers) return;
        if (providing.file != search->file || providing.node == own_) return;
        if (search->found.insert(providing.node).second) events_.push_back(Found{key, providing});
        return;
    }
    const auto found = handled_.find({links_.at(link).channel, providing.request});
    if (found == handled_.end() || providing.file != found->second.file) return;
    Handled& handled = found->second;
    const auto asked = handled.waiting.find(link);
    if (asked == handled.waiting.end() || ++asked->second.answers > max_answers) return;
    if (links_.contains(handled.origin)) events_.push_back(Send{handled.origin, providing});
}

void Flood::receive_lacking(LinkKey link, const RequestId& request) {
    SearchKey key;
    if (Search* search = own_search(request, key)) {
        search->waiting.erase(link);
        return;
    }
    const auto found = handled_.find({links_.at(link).channel, request});
    if (found == handled_.end()) return;
    if (found->second.waiting.erase(link)) conclude(found->first, found->second);
}

void Flood::conclude(const Name& name, Handled& handled) {
    if (handled.answered || handled.ticket || !handled.waiting.empty()) return;
    handled.answered = true;
    --active_;
    if (links_.contains(handled.origin))
        events_.push_back(Send{handled.origin, Lacking{name.second}});
}

void Flood::search(Time now, SearchKey key, const Sha1& file, const RequestId& request) {
    Search& search = searches_[key];
    search.request = request;
    search.file = file;
    for (const auto& [link, state] : links_) ask(now, search, link);
}

void Flood::ask(Time now, Search& search, LinkKey link) {
    ++search.asked;
    search.waiting.emplace(link, Asked{now + (max_hops + 2) * hop_span});
    events_.push_back(Send{link, Seeking{search.request, search.file, max_hops}});
}

void Flood::end_search(SearchKey key) { searches_.erase(key); }

Flood::Search* Flood::own_search(const RequestId& request, SearchKey& key) {
    for (auto& [number, search] : searches_) {
        key = number;
        if (search.request == request) return &search;
    }
    return nullptr;
}

bool Flood::spend(Time now, Link& link) {
    const std::chrono::duration<double> since = now - link.refilled;
    link.refilled = now;
    link.allowance =
        std::min(searches_at_once, link.allowance + since.count() * searches_per_second);
    if (link.allowance < 1) return false;
    link.allowance -= 1;
    return true;
}

void Flood::remember(Time now, const Name& name) {
    remembered_.emplace_back(now, name);
    while (remembered_.size() > max_remembered || now - remembered_.front().first > remember_span) {
        const auto old = handled_.find(remembered_.front().second);
        if (old != handled_.end()) {
            if (!old->second.answered) --active_;
            if (old->second.ticket) tickets_.erase(*old->second.ticket);
            handled_.erase(old);
        }
        remembered_.pop_front();
    }
}

void Flood::expire(Time now) {
    const auto late = [&](const auto& entry) { return entry.second.give_up <= now; };
    for (auto& [name, handled] : handled_)
        if (std::erase_if(handled.waiting, late)) conclude(name, handled);
    for (auto& [key, search] : searches_) std::erase_if(search.waiting, late);
}

std::optional<Flood::Time> Flood::deadline() const {
    std::optional<Time> first;
    const auto consider = [&](const std::map<LinkKey, Asked>& waiting) {
        for (const auto& [link, asked] : waiting)
            first = std::min(first.value_or(Time::max()), asked.give_up);
    };
    for (const auto& [name, handled] : handled_) consider(handled.waiting);
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

}  // namespace kp2p::proto
