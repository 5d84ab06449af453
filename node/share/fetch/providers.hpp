// Providers: the nodes that have one file: searches for them, time and again while nothing comes,
// connects to each that it hears of and lets its owner use it, again when the connection broke, the
// node had no room or nothing came; and says at the end why they did not do.
//
// Shape: start(), then begin(), and tick() several times a second until hopeless(); the
// owner's Use makes a ProvidedFile in its frame, takes what its next() gives, and returns how it
// ended.
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "node/async/event.hpp"
#include "node/async/tasks.hpp"
#include "node/share/channels/neighbourhood.hpp"
#include "node/share/fetch/recent_givers.hpp"
#include "node/share/fetch/sinks.hpp"
#include "node/share/fetch/try_queue.hpp"
#include "node/share/inventory/inventory.hpp"
#include "node/share/lookup/finder.hpp"
#include "proto/report/diagnosis.hpp"
#include "proto/transfer/source.hpp"

namespace kp2p {

class PutQueue;

struct FetchParts {
    const ShareParts& share;
    Neighbourhood& hood;
    Finder& finder;
    Inventory& inventory;
    RecentGivers& recent;
    PutQueue& puts;
    Clock::Span outage = usual_outage;
};

class ProvidedFile;

class Providers {
  public:
    // What it may take to notice an outage and to connect again, and no more than half of one. When
    // nothing has come for so long and an outage it is hopeless, if somebody has given already or
    // is being tried, which takes its time.
    static constexpr std::chrono::seconds noticing{15};
    // Connections on which what comes is altered, one after the other: more are no use.
    static constexpr int max_altered = 12;
    static Clock::Span patience(Clock::Span outage) {
        return outage + std::min<Clock::Span>(noticing, outage / 2);
    }

    // How the use of one ended: for good; with its connection; for now, as it has no room or sends
    // nothing; before it began, as the node cannot be reached; because it was blamed; because it
    // sent what makes no sense, for which its owner blames it; or because the node is used over a
    // better connection, and this one has given what it owed.
    enum class Ended { closed, lost, busy, stalled, unreached, dropped, garbled, outdone };
    // That the node is worth another attempt; one that was outdone is being tried elsewhere.
    static bool comes_back(Ended ended) {
        return ended == Ended::lost || ended == Ended::busy || ended == Ended::stalled ||
               ended == Ended::unreached;
    }
    using Use = std::function<Task<Ended>(Neighbour&)>;

    // `changed` is notified when one has been tried to its end.
    Providers(FetchParts parts, const Sha1& file, Diagnosis& diagnosis, Event& changed, Use use);
    Providers(const Providers&) = delete;

    void start(Tasks& tasks);
    void stop();

    void hear(const NodeId& node);  // of one that is likely to have the file
    // Asks those who are likely to have the file, or else, on a guess, who gave the latest one; a
    // search begins when they do not do, or take long.
    void begin(const std::vector<NodeId>& likely);
    void tick();
    void guess(const NodeId& node);  // it may have the file, though it has not said so
    void search_again() { search_interval_ = {}; }  // others may have something of it by now
    // Its owner was busy with what came, and did not wait for more.
    void busy() { moved_ = parts_.share.runtime.clock.now(); }
    void allow(Clock::Span outage) { outage_ = std::max(outage_, outage); }
    bool hopeless() const;
    bool exhausted() const;  // the search will find nobody more

    std::size_t trying() const { return queue_.trying(); }  // connecting and open
    void gave(const NodeId& node);                          // something of the file
    std::vector<NodeId> givers() const;                     // who did, and was not blamed
    // It is not used any more.
    void blame(const NodeId& node, proto::Fault fault, const std::string& what);
    // What is missing, and what is not.
    struct Shortfall {
        bool nobody_asked = false;  // no open provider has what is missing
        std::string kept;           // a sentence
    };
    // Notes why nobody gives what is missing, the nearest cause first: Errc::timed_out if somebody
    // gave and stopped, Errc::sha1_collision if what came was part of an attack,
    // Errc::verification_failed if all who gave were blamed, else Errc::not_found.
    std::error_code explain(const Shortfall& shortfall);

  private:
    friend class ProvidedFile;
    struct Claim {  // of one that says that it has the file
        std::uint64_t size_bytes = 0;
        std::optional<Clock::Time> asked;  // first, to open it, while it has not
    };
    struct Gifts {
        Clock::Time last;
        std::uint64_t count = 0;
    };

    void search();
    void begin_search();
    void hear(const proto::Providing& what);
    void use_better();
    Task<> attach(NodeId node);
    Task<Ended> attempt(NodeId node);
    bool altered_too_often(const NodeId& node, std::uint64_t gifts_before);
    void opened(const NodeId& node);
    bool gave_lately(const NodeId& node) const;
    bool is_altered(const NodeId& node) const {  // for good
        const auto found = altered_.find(node);
        return found != altered_.end() && found->second >= max_altered;
    }
    bool preparing() const;
    Clock::Span preparing_span(const NodeId& node) const;
    void trouble(const NodeId& node, std::vector<Finding> why);
    void stalled(Finding finding);  // of a node

    FetchParts parts_;
    Sha1 file_;
    Diagnosis& diagnosis_;
    Event& changed_;
    Use use_;
    Clock::Span outage_;
    Clock::Span search_interval_;
    Clock::Time started_;
    Tasks* tasks_ = nullptr;  // while it runs
    std::optional<Finder::Search> search_;
    Clock::Time first_search_, last_search_;
    Clock::Time moved_;                // when something came, or was about to
    bool heard_any_ = false;           // of a provider
    std::set<NodeId> guessed_;         // nobody has said that they have it
    TryQueue queue_;                   // attach() runs for those that are being tried
    std::vector<ProvidedFile*> used_;  // in the order in which they came
    std::map<NodeId, Claim> claims_;
    std::map<NodeId, Gifts> gave_;  // who has opened the file, and what it gave of it
    std::map<NodeId, std::vector<Finding>> troubles_;  // why one does not give, as of now
    std::map<NodeId, int> altered_;  // connections, since one has brought a whole chunk
    std::set<NodeId> blamed_;
    bool collided_ = false;  // one of them for a Fault::collision
};

}  // namespace kp2p
