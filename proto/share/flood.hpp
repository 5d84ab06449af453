// Flood: finds who has a file by asking neighbours, who ask theirs; and answers and passes on what
// neighbours ask. Source: PROTOCOL.md, section 4.
//
// A link is a proven lookup channel to one neighbour; searches stay within the channel that they
// came on. Shape: feed it, then carry out take_events(): Send a message on a link; Look whether the
// storage has a file, answered by looked(); Found a provider for a search of ours, each node once.
// Holds at most max_remembered requests and max_active that still wait for answers; at the
// limits the oldest are forgotten and new ones are answered "lacking".
#pragma once

#include <chrono>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <variant>
#include <vector>

#include "proto/share/lookup.hpp"

namespace kp2p::proto {

using LinkKey = std::uint64_t;
using ChannelTag = std::uint32_t;  // a channel, as this node numbers them
using SearchKey = std::uint64_t;

struct LocalFile {  // what the storage has of a file
    std::uint64_t size_bytes = 0;
    bool complete = false;
};

class Flood {
  public:
    using Time = std::chrono::steady_clock::time_point;

    static constexpr std::size_t max_fanout = 64;  // neighbours a search is passed on to
    static constexpr std::size_t max_remembered = 8192;
    static constexpr std::size_t max_active = 1024;
    static constexpr std::size_t max_answers = 64;  // per request and link
    static constexpr auto remember_span = std::chrono::seconds(60);
    static constexpr double searches_per_second = 50, searches_at_once = 500;  // granted a link

    struct Send {
        LinkKey link;
        LookupMessage message;
    };
    struct Look {
        LinkKey from;
        std::uint64_t ticket;
        Sha1 file;
    };
    struct Found {
        SearchKey search;
        Providing what;
    };
    using Event = std::variant<Send, Look, Found>;

    explicit Flood(const NodeId& own) : own_(own) {}

    void add_link(Time now, LinkKey link, ChannelTag channel);
    void remove_link(LinkKey link);
    void receive(Time now, LinkKey link, const LookupMessage& message);
    void looked(std::uint64_t ticket, std::optional<LocalFile> local);
    // Ours; `request` is random and new.
    void search(Time now, SearchKey search, const Sha1& file, const RequestId& request);
    void end_search(SearchKey search);
    void expire(Time now);
    std::optional<Time> deadline() const;
    std::vector<Event> take_events() { return std::exchange(events_, {}); }

    // Of a search: links asked, and those that still owe an answer.
    std::size_t asked(SearchKey search) const;
    std::size_t waiting(SearchKey search) const;

  private:
    struct Link {
        ChannelTag channel;
        double allowance = searches_at_once;
        Time refilled;
    };
    struct Asked {  // a request at one neighbour
        Time give_up;
        std::size_t answers = 0;
    };
    struct Handled {  // a request of a neighbour
        LinkKey origin;
        Sha1 file;
        std::optional<std::uint64_t> ticket;  // the storage is being asked
        std::map<LinkKey, Asked> waiting;
        bool answered = false;
    };
    struct Search {  // of ours
        RequestId request;
        Sha1 file;
        std::map<LinkKey, Asked> waiting;
        std::size_t asked = 0;
        std::set<NodeId> found;
    };
    using Name = std::pair<ChannelTag, RequestId>;

    void receive_seeking(Time now, LinkKey link, const Seeking& seeking);
    void receive_providing(LinkKey link, const Providing& providing);
    void receive_lacking(LinkKey link, const RequestId& request);
    bool spend(Time now, Link& link);
    void remember(Time now, const Name& name);
    void conclude(const Name& name, Handled& handled);
    void ask(Time now, Search& search, LinkKey link);
    Search* own_search(const RequestId& request, SearchKey& key);

    NodeId own_;
    std::map<LinkKey, Link> links_;
    std::map<Name, Handled> handled_;
    std::deque<std::pair<Time, Name>> remembered_;  // oldest first
    std::size_t active_ = 0;                        // handled_ that are not answered
    std::map<std::uint64_t, Name> tickets_;
    std::map<SearchKey, Search> searches_;
    std::uint64_t next_ticket_ = 1;
    std::vector<Event> events_;
};

}  // namespace kp2p::proto
