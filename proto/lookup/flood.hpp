// Flood: finds who has a file by asking neighbours, who ask theirs; and answers and passes on what
// neighbours ask. Source: PROTOCOL.md, section 4.
//
// A link is a proven lookup channel to one neighbour; searches stay within the channel that they
// came on. Shape: feed it, then carry out take_events(): Send a message on a link; Look whether the
// storage has a file, answered by looked(); Found a provider for a search of ours, each node once.
//
// Nobody's searches are paid for by another, as far as this node can know: whom we answer for
// ourselves, whom we pass on for, and what we ask ourselves are counted apart, for each link. What
// is beyond an allowance is still answered for ourselves, and beyond that "lacking"; searches of
// ours wait for theirs. Holds at most max_remembered requests, of which the oldest are forgotten,
// and max_looking looks a link; while max_active requests wait for answers, none is passed on out
// of the shared allowance.
#pragma once

#include <chrono>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <variant>
#include <vector>

#include "proto/limit/token_bucket.hpp"
#include "proto/lookup/lookup.hpp"

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
    static constexpr std::size_t max_looking = 1000;  // as many as looks grants at once
    static constexpr auto remember_span = std::chrono::seconds(60);
    // Answers to a request. What a neighbour says of itself is never too much.
    static constexpr std::size_t max_answers = 128;          // accepted on a link
    static constexpr std::size_t max_passed_back = 64;       // of those who are no neighbours
    static constexpr std::size_t max_passed_back_each = 16;  // of those, by one neighbour

    // Granted a link: to be answered for ourselves; to be passed on, what the neighbour itself
    // searches and what it passes on apart; and shared by all links, when theirs is spent.
    static constexpr TokenBucket::Limits looks{250, 1000};
    static constexpr TokenBucket::Limits passing_own{2, 50}, passing_others{1, 25};
    static constexpr TokenBucket::Limits passing_shared{50, 1000};
    // Of what a neighbour grants us: for ourselves, and for those we pass on for.
    static constexpr TokenBucket::Limits asking_own{140, 560}, asking_others{90, 360};
    static constexpr auto half = TokenBucket::Start::half;  // links come and go

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
    struct End {  // of a link
        ChannelTag channel;
        NodeId node;
    };

    Flood(Time now, const NodeId& own) : own_(own), shared_(now, passing_shared, half) {}

    void add_link(Time now, LinkKey link, const End& end);
    void remove_link(LinkKey link);
    void receive(Time now, LinkKey link, const LookupMessage& message);
    void looked(std::uint64_t ticket, std::optional<LocalFile> local);
    // Ours; `request` is random and new.
    void search(Time now, SearchKey search, const Sha1& file, const RequestId& request);
    void end_search(SearchKey search);
    void expire(Time now);                 // early and repeated calls are harmless
    std::optional<Time> deadline() const;  // when expire() is next worth calling
    bool idle() const { return active_.empty() && searches_.empty(); }  // then never
    std::vector<Event> take_events() { return std::exchange(events_, {}); }

    // Of a search: links asked, and those that still owe an answer.
    std::size_t asked(SearchKey search) const;
    std::size_t waiting(SearchKey search) const;
    std::size_t silent(SearchKey search, ChannelTag channel) const;  // who gave none in time

  private:
    struct Link {
        Link(Time now, const End& at)
            : end(at),
              looking_left(now, looks, half),
              own_left(now, passing_own, half),
              others_left(now, passing_others, half),
              asking_own_left(now, asking_own, half),
              asking_others_left(now, asking_others, half) {}
        End end;
        TokenBucket looking_left, own_left, others_left, asking_own_left, asking_others_left;
        std::size_t looking = 0;     // looks under way that it waits for
        std::set<SearchKey> unsent;  // ours, until there is an allowance for them
    };
    struct Asked {                    // a request at one neighbour
        std::optional<Time> give_up;  // none: it is not sent yet
        std::size_t answers = 0;
    };
    struct Handled {                   // a request of neighbours that is passed on
        std::vector<LinkKey> origins;  // who hear all answers
        std::vector<LinkKey> askers;   // who hear whether we have it, once we know
        Sha1 file;
        bool looking = true;
        std::optional<LocalFile> local;
        std::map<LinkKey, Asked> waiting;
        std::set<NodeId> passed_back;
        std::size_t distant = 0;  // of those, no neighbours of ours
        bool answered = false;
    };
    struct Search {  // of ours
        RequestId request;
        Sha1 file;
        std::map<LinkKey, Asked> waiting;
        std::size_t asked = 0;
        std::map<ChannelTag, std::size_t> silent = {};
        std::set<NodeId> found;
    };
    using Name = std::pair<ChannelTag, RequestId>;
    struct Looking {
        Name name;
        Sha1 file;
        LinkKey from;
        bool handled;  // else only this link is answered
    };

    void receive_seeking(Time now, LinkKey link, const Seeking& seeking);
    void receive_again(LinkKey link, const Seeking& seeking, Handled& handled);
    void receive_providing(LinkKey link, const Providing& providing);
    void pass_back(LinkKey link, const Providing& providing, Handled& handled);
    void receive_lacking(LinkKey link, const RequestId& request);
    void handle(Time now, LinkKey link, const Seeking& seeking);
    bool may_pass(Time now, Link& link, const Seeking& seeking);
    void look(Looking looking);
    void know(const Name& name, Handled& handled, const std::optional<LocalFile>& local);
    void answer(LinkKey link, const RequestId& request, const Sha1& file, const LocalFile& local);
    void lack(LinkKey link, const RequestId& request);
    void remember(Time now, const Name& name);
    void conclude(const Name& name, Handled& handled);
    void ask(SearchKey key, Search& search, LinkKey link);
    void send_unsent(Time now);
    Search* own_search(const RequestId& request, SearchKey& key);

    NodeId own_;
    TokenBucket shared_;
    std::map<LinkKey, Link> links_;
    std::map<Name, Handled> handled_;
    std::deque<std::pair<Time, Name>> remembered_;  // oldest first
    std::set<Name> active_;                         // handled_ that are not answered
    std::map<std::uint64_t, Looking> tickets_;
    std::map<SearchKey, Search> searches_;
    std::map<RequestId, SearchKey> requests_;  // of ours
    std::uint64_t next_ticket_ = 1;
    std::vector<Event> events_;
};

}  // namespace kp2p::proto
