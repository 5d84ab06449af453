// Finder: moves the Flood: ties it to the neighbours' lookup channels, hands what a search finds
// to whoever started it, and gives up by itself on those who do not answer in time, or up to a
// second later.
#pragma once

#include <functional>
#include <map>

#include "node/async/event.hpp"
#include "node/async/runtime.hpp"
#include "proto/lookup/flood.hpp"

namespace kp2p {

class Finder {
  public:
    using Sink = std::function<void(const proto::LookupMessage&)>;  // sends on an edge
    using Look = std::function<void(std::uint64_t ticket, const Sha1& file)>;
    using Found = std::function<void(const proto::Providing&)>;

    Finder(Runtime& runtime, const NodeId& own)
        : clock_(runtime.clock),
          random_(runtime.random),
          flood_(clock_.now(), own),
          alarm_(clock_.alarm(runtime.executor, [this] { expire(); })),
          changed_(runtime.executor) {}

    // A proven lookup channel, for as long as this lives. `look` asks the storage and then calls
    // looked().
    class Edge {
      public:
        Edge(Finder& finder, const proto::Flood::End& end, Sink send, Look look);
        Edge(const Edge&) = delete;
        ~Edge();
        void receive(const proto::LookupMessage& message);
        bool owes() const { return finder_.flood_.owes(key_); }  // an answer to a search of ours

      private:
        Finder& finder_;
        proto::EdgeKey key_;
    };

    // A search of ours, for as long as this lives.
    class Search {
      public:
        Search(Finder& finder, const Sha1& file, Found found);
        Search(const Search&) = delete;
        ~Search();
        std::size_t asked() const { return finder_.flood_.asked(key_); }
        // Of those asked in the channel, who kept silent.
        std::size_t silent(proto::ChannelTag channel) const {
            return finder_.flood_.silent(key_, channel);
        }
        bool quiet() const { return finder_.flood_.waiting(key_) == 0; }  // nobody owes an answer

      private:
        Finder& finder_;
        proto::SearchKey key_;
    };

    void looked(std::uint64_t ticket, std::optional<proto::LocalFile> local);
    std::size_t reached(proto::ChannelTag channel) const;  // nodes, over one edge or more
    Event& changed() { return changed_; }                  // edges or answers came or went

  private:
    void carry_out();
    void expire();

    struct Ends {
        proto::Flood::End end;
        Sink send;
        Look look;
    };
    Clock& clock_;
    Random& random_;
    proto::Flood flood_;
    std::map<proto::EdgeKey, Ends> edges_;
    std::map<proto::SearchKey, Found> searches_;
    std::uint64_t next_key_ = 1;
    std::unique_ptr<Alarm> alarm_;
    bool alarmed_ = false;  // it is set
    Event changed_;
};

}  // namespace kp2p
