// Providers: the nodes that have one file: searches for them, connects to each that it hears of and
// lets its owner use it, again when the connection broke or the node had no room; and says at the
// end why they did not do. Provider: the file, opened at one of them.
//
// Shape: start(), then hear() and search(); the owner's Use makes a Provider of its own kind in its
// frame and returns what stay() does.
#pragma once

#include <functional>
#include <optional>
#include <set>

#include "node/async/event.hpp"
#include "node/async/tasks.hpp"
#include "node/share/candidates.hpp"
#include "node/share/diagnosis.hpp"
#include "node/share/finder.hpp"
#include "node/share/neighbourhood.hpp"
#include "node/share/shelf.hpp"

namespace kp2p {

struct LoadParts {
    const ShareParts& share;
    Neighbourhood& hood;
    Finder& finder;
    Shelf& shelf;
};

class Provider;

class Providers {
  public:
    // How the use of one ended: for good; with its connection; for now, as it has no room; or
    // because it was blamed.
    enum class Ended { closed, lost, busy, dropped };
    using Use = std::function<Task<Ended>(Neighbour&)>;

    // `changed` is notified when one has been tried to its end.
    Providers(LoadParts parts, const Sha1& file, Diagnosis& diagnosis, Event& changed, Use use);
    Providers(const Providers&) = delete;

    void start(Tasks& tasks) { tasks_ = &tasks; }
    void stop();

    void hear(const NodeId& node);  // of one that is likely to have the file
    void search();
    bool searching() const { return search_.has_value(); }
    bool exhausted() const;  // the search will find nobody more
    Clock::Span age() const { return parts_.share.clock.now() - started_; }

    bool none() const { return candidates_.none(); }             // was heard of
    std::size_t trying() const { return candidates_.trying(); }  // connecting and open
    bool opening() const;                                        // at one of them
    void blame(const NodeId& node, const std::string& what);     // it is not used any more
    // Notes why nobody gives what is missing. Errc::verification_failed if one was blamed, else
    // Errc::not_found.
    std::error_code explain();

  private:
    friend class Provider;

    Task<> attach(NodeId node);
    Task<Ended> use(NodeId node);

    LoadParts parts_;
    Sha1 file_;
    Diagnosis& diagnosis_;
    Event& changed_;
    Use use_;
    Clock::Time started_;
    Tasks* tasks_ = nullptr;  // while it runs
    std::optional<Finder::Search> search_;
    Candidates candidates_;  // attach() runs for those that are being tried
    std::set<const Provider*> used_;
    std::set<NodeId> blamed_;
};

class Provider : public FileUser {
  public:
    using Ended = Providers::Ended;

    Provider(Providers& providers, Neighbour& neighbour);
    Provider(const Provider&) = delete;
    ~Provider() override;

    // Opens the file and stays until it is over, or the node does not open it in time.
    Task<Ended> stay();
    const NodeId& node() const { return node_; }
    bool opening() const { return !ended_ && !opened_; }
    bool open() const { return !ended_ && opened_; }
    bool returns() const { return ended_ == Ended::lost || ended_ == Ended::busy; }

  protected:
    virtual void begin(proto::Opened opened) = 0;
    virtual void gone() = 0;  // nothing that was asked for will come
    void ask(proto::ChunkIndex index);
    void call_off(proto::ChunkIndex index);
    void end(Ended how);  // no more is wanted

  private:
    void preparing() final;
    void opened(proto::Opened opened) final;
    void refused(proto::RefusalCode code) final;
    void lost() final;
    void over(Ended how);

    Providers& providers_;
    Neighbour* neighbour_;  // null when the file is not open there any more
    NodeId node_;
    proto::FileId id_ = 0;
    bool opened_ = false;
    Clock::Time heard_;  // of the file, before it is open
    std::optional<Ended> ended_;
    Event changed_;
};

}  // namespace kp2p
