// Flood: finds who has a file by asking neighbours, who ask theirs; and answers and passes on what
// neighbours ask. Source: PROTOCOL.md, section 4.
//
// An edge is a proven lookup channel to one neighbour; searches stay within the channel that they
// came on. Shape: feed it, then carry out take_events(): Send a message on an edge; Look whether
// the storage has a file, answered by looked(); Found a provider for a search of ours, each node
// once.
//
// Nobody's searches are paid for by another, as far as this node can know: whom we answer for
// ourselves, whom we pass on for, and what we ask ourselves are counted apart, for each edge. What
// is beyond an allowance is still answered for ourselves, and beyond that "lacking"; searches of
// ours wait for theirs. Holds at most max_remembered requests, of which the oldest are forgotten,
// and max_looking looks an edge; while max_active requests wait for answers, none is passed on out
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

using EdgeKey = std::uint64_t;
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
    static constexpr std::size_t max_answers = 128;          // accepted on an edge
    static constexpr std::size_t max_passed_back = 64;       // of those who are no neighbours
    static constexpr std::size_t max_passed_back_each = 16;  // of those, by one neighbour

    // Granted an edge: to be answered for ourselves; to be passed on, what the neighbour itself
    // searches and what it passes on apart; and shared by all edges, when theirs is spent.
    static constexpr TokenBucket::Limits looks{250, 1000};
    static constexpr TokenBucket::Limits passing_own{2, 50}, passing_others{1, 25};
    static constexpr TokenBucket::Limits passing_shared{50, 1000};
    // Of what a neighbour grants us: for ourselves, and for those we pass on for.
    static constexpr TokenBucket::Limits asking_own{140, 560}, asking_others{90, 360};
    static constexpr auto half = TokenBucket::Start::half;  // edges come and go

    struct Send {
        EdgeKey edge;
        LookupMessage message;
    };
    struct Look {
        EdgeKey from;
        std::uint64_t ticket;
        Sha1 file;
    };
    struct Found {
        SearchKey search;
        Providing what;
    };
    using Event = std::variant<Send, Look, Found>;
    struct End {  // of an edge
        ChannelTag channel;
        NodeId node;
    };

    Flood(Time now, const NodeId& own) : own_(own), shared_(now, passing_shared, half) {}

    void add_edge(Time now, EdgeKey edge, const End& end);
    void remove_edge(EdgeKey edge);
    void receive(Time now, EdgeKey edge, const LookupMessage& message);
    void looked(std::uint64_t ticket, std::optional<LocalFile> local);
    // Ours; `request` is random and new.
    void search(Time now, SearchKey search, const Sha1& file, const RequestId& request);
    void end_search(SearchKey search);
    void expire(Time now);                 // early and repeated calls are harmless
    std::optional<Time> deadline() const;  // when expire() is next worth calling
    bool idle() const { return active_.empty() && searches_.empty(); }  // then never
    std::vector<Event> take_events() { return std::exchange(events_, {}); }

    // Of a search: edges asked, and those that still owe an answer.
    std::size_t asked(SearchKey search) const;
    std::size_t waiting(SearchKey search) const;
    std::size_t silent(SearchKey search, ChannelTag channel) const;  // who gave none in time
    bool owes(EdgeKey edge) const;  // an answer to a search of ours

  private:
    struct Edge {
        Edge(Time now, const End& at)
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
        std::size_t owed = 0;        // answers to those of ours that are sent
    };
    struct Asked {                    // a request at one neighbour
        std::optional<Time> give_up;  // none: it is not sent yet
        std::size_t answers = 0;
    };
    struct Handled {                   // a request of neighbours that is passed on
        std::vector<EdgeKey> origins;  // who hear all answers
        std::vector<EdgeKey> askers;   // who hear whether we have it, once we know
        Sha1 file;
        bool looking = true;
        std::optional<LocalFile> local;
        std::map<EdgeKey, Asked> waiting;
        std::set<NodeId> passed_back;
        std::size_t distant = 0;  // of those, no neighbours of ours
        bool answered = false;
    };
    struct Search {  // of ours
        RequestId request;
        Sha1 file;
        std::map<EdgeKey, Asked> waiting;
        std::size_t asked = 0;
        std::map<ChannelTag, std::size_t> silent = {};
        std::set<NodeId> found;
    };
    using Name = std::pair<ChannelTag, RequestId>;
    struct Looking {
        Name name;
        Sha1 file;
        EdgeKey from;
        bool handled;  // else only this edge is answered
    };

    void receive_seeking(Time now, EdgeKey edge, const Seeking& seeking);
    void receive_again(EdgeKey edge, const Seeking& seeking, Handled& handled);
    void receive_providing(EdgeKey edge, const Providing& providing);
    void pass_back(EdgeKey edge, const Providing& providing, Handled& handled);
    void receive_lacking(EdgeKey edge, const RequestId& request);
    void handle(Time now, EdgeKey edge, const Seeking& seeking);
    bool may_pass(Time now, Edge& edge, const Seeking& seeking);
    void look(Looking looking);
    void know(const Name& name, Handled& handled, const std::optional<LocalFile>& local);
    void answer(EdgeKey edge, const RequestId& request, const Sha1& file, const LocalFile& local);
    void lack(EdgeKey edge, const RequestId& request);
    void remember(Time now, const Name& name);
    void conclude(const Name& name, Handled& handled);
    void ask(SearchKey key, Search& search, EdgeKey edge);
    void send_unsent(Time now);
    Search* own_search(const RequestId& request, SearchKey& key);

    NodeId own_;
    TokenBucket shared_;
    std::map<EdgeKey, Edge> edges_;
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
