// Download: one file from any number of providers, proven by nothing but its SHA-1. Knows no
// socket, file or thread.
//
// Shape: feed it, then carry out take_events(). It asks for chunks (AskChunk, CallOff), has them
// checked (CheckChunk, answered by checked()), gives proven ones away (StoreChunk, answered by
// stored()), names providers that must not be used any more (DropSource), and lets go of those from
// which nothing comes (SourceStalled), which may come back under a new key. complete() when all is
// proven and stored; idle() when no provider is left that could go on. Rules (PROTOCOL.md, 6):
//   - the last chunk comes first, once for each size that is claimed, from one who claims it, and
//     the one before it along with it, while nobody claims another size;
//   - then chunks from the back to the front, within a window below the frontier that starts at
//     first_window and grows with what was proven, so that a liar wastes no more than was given;
//   - the provider with the least to do, for its speed, is asked next;
//   - of what nobody but those who have the whole file can give, each of several nodes that are
//     getting it, keep up with each other and get on, asks for other chunks, and gets the rest from
//     them, what few have first: from them alone while they give faster, together, than who has it
//     all, and it gets on;
//   - to them goes, too, what cannot be judged yet (HoldChunk, until it is stored or LetGoChunk),
//     as each chunk waits for those behind it. Who has passed on a wrong one is not believed again
//     while it has the file open, and dropped after Trust::max_misled;
//   - a chunk that is late at one provider is called off there and asked of a faster one;
//   - a provider that sends something wrong is dropped, and all that it gave is forgotten; one that
//     sends nothing for stall_span is let go of, and what it gave is kept;
//   - of a chunk that is in part what we had (mixed()) nobody can say whose fault it is if it is
//     wrong: it is asked for once more (DoubtMixed), and must come whole then.
// Holds at most max_window chunks of bytes, more than is on its way at 1 Gbit/s and 150 ms, and one
// small entry a chunk that was hashed ahead.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <utility>
#include <variant>
#include <vector>

#include "proto/transfer/chain.hpp"
#include "proto/transfer/source.hpp"
#include "proto/transfer/trust.hpp"

namespace kp2p::proto {

class Download {
  public:
    using Time = Source::Time;
    using Span = Time::duration;

    static constexpr std::size_t first_window = 16;
    static constexpr std::size_t max_window = 24;
    static constexpr Span stall_span = Source::stall_span;

    struct AskChunk {
        SourceKey source;
        ChunkIndex index;
    };
    struct CallOff {
        SourceKey source;
        ChunkIndex index;
    };
    struct CheckChunk {
        std::uint64_t job;
        std::shared_ptr<const ChunkCheck> check;
    };
    struct StoreChunk {
        ChunkIndex index;
        std::uint64_t file_bytes;
        Sha1Link link;
        std::shared_ptr<const CheckedChunk> chunk;
    };
    struct DropSource {
        SourceKey source;
        Fault fault;
        ChunkIndex index;  // where it makes sense
    };
    struct SourceStalled {
        SourceKey source;
    };
    struct DoubtMixed {
        ChunkIndex index;
    };
    struct HoldChunk {
        ChunkIndex index;
        Sha1Link link;
        std::shared_ptr<const CheckedChunk> chunk;
    };
    struct LetGoChunk {
        ChunkIndex index;
    };
    using Event = std::variant<AskChunk, CallOff, CheckChunk, StoreChunk, DropSource, SourceStalled,
                               DoubtMixed, HoldChunk, LetGoChunk>;

    explicit Download(const Sha1& file) : chain_(file) {}

    void resume(std::uint64_t size_bytes, const std::vector<StoredChunk>& chunks);  // first of all

    // Before anything is asked for. held_back(): that refuses, or all is left to others just now.
    void ask_if(MayAsk may_ask) { may_ask_.ask_if(std::move(may_ask)); }
    bool held_back() const { return may_ask_.refused() > 0 || (deferred_ && giving() == 0); }
    // Which node this is, as Offer::node is of others.
    void set_own_node(std::uint64_t node) { own_node_ = node; }
    // Keys start at 1 and are not used again.
    void add_source(Time now, SourceKey key, Offer offer);
    void remove_source(Time now, SourceKey key);  // it is gone, without blame
    void retire(SourceKey key);                   // is asked for nothing more
    bool owes(SourceKey key) const;               // something of what it was asked for
    void heard(SourceKey key, Time at);           // it was giving us something else then
    void have(Time now, SourceKey key, ChunkIndex index);
    void have_unproven(Time now, SourceKey key, ChunkIndex index);
    // `data.bytes` lies in `payload`.
    void receive(Time now, SourceKey key, const Data& data, Payload payload);
    // What comes next of the chunk is not all of the source's.
    void mixed(ChunkIndex index) { mixed_.insert(index); }
    void canceled(Time now, SourceKey key, ChunkIndex index);
    void misbehaved(Time now, SourceKey key);  // it sent what cannot be read
    void checked(Time now, std::uint64_t job, Result<CheckedChunk> result);
    void stored(Time now, ChunkIndex index);
    void expire(Time now);
    std::optional<Time> deadline() const;
    std::vector<Event> take_events();  // in order

    bool complete() const { return chain_.complete() && unstored_ == 0; }
    bool idle() const { return sources_.empty() && !settling(); }
    // What came is not judged or stored yet.
    bool settling() const { return !jobs_.empty() || unstored_ > 0; }
    std::optional<std::uint64_t> size_bytes() const { return chain_.size_bytes(); }
    std::uint64_t verified_bytes() const { return chain_.verified_bytes(); }
    std::size_t giving() const;  // providers that chunks are being received from

  private:
    struct Job {
        SourceKey source;
        std::shared_ptr<const ChunkCheck> check;
    };
    struct Ahead {
        SourceKey source;
        std::shared_ptr<const CheckedChunk> chunk;
    };
    struct Claim {  // that the file has a certain size
        std::optional<SourceKey> asked;
        SourceKey last_asked = own_storage;
        Time asked_at{};
        unsigned changes = 0;  // of who is asked
        std::size_t checking = 0;
    };

    using Claims = std::map<std::uint64_t, Claim>;  // by size
    Claims::iterator claim_of(const ChunkCheck& chunk);
    double rate_of(const Source& source) const;
    std::size_t depth_of(const Source& source) const;
    bool can_ask(const Source& source, ChunkIndex index) const;
    void go_on(Time now);
    bool ask_neediest(Time now);
    void expect_last(Time now, SourceKey key, Source& source);
    Time patient_until(const Claim& claim) const;
    void ask_for_size(Time now, std::uint64_t size_bytes, Claim& claim);
    void ask_before_last(Time now);
    bool ask_fresh(Time now, SourceKey key, Source& source);
    ChunkIndex window_begin() const;
    bool is_open(const Source& source, ChunkIndex index) const;
    std::optional<ChunkIndex> rarest_of(const Source& source) const;
    std::optional<ChunkIndex> best_of_whole(Time now, const Source& source);
    std::pair<bool, std::size_t> turn(Time now, const Source& whole, ChunkIndex index) const;
    bool is_scarce(const Source& source) const;
    bool is_stuck(Time now, const Source& source, std::size_t before_us = 0) const;
    bool ask_late(Time now, SourceKey key, Source& source);
    void ask(Time now, SourceKey key, Source& source, ChunkIndex index);
    void call_off(SourceKey key, Source& source, ChunkIndex index);
    void start_check(SourceKey key, ChunkCheck chunk);
    void learn(const Job& job, CheckedChunk chunk);
    void learn_last(const Job& job, std::shared_ptr<const CheckedChunk> chunk);
    void settle_size();
    void judge();
    void hold(ChunkIndex index, const Sha1Link& link);
    void misled(SourceKey key, ChunkIndex index);
    void store(ChunkIndex index, const Sha1Link& link, std::shared_ptr<const CheckedChunk> chunk);
    void wrong(SourceKey key, ChunkIndex index, Fault fault = Fault::wrong_chunk);
    void drop(SourceKey key, Fault fault, ChunkIndex index);
    void release(SourceKey key);

    Chain chain_;
    std::map<SourceKey, Source> sources_;
    std::set<SourceKey> liars_;                  // what is still being checked for them is void
    Claims claims_;                              // until one is proven
    std::map<ChunkIndex, SourceKey> requested_;  // being received or checked, after that
    std::map<std::uint64_t, Job> jobs_;
    std::map<ChunkIndex, Ahead> ahead_;  // hashed, to be judged
    std::set<ChunkIndex> mixed_;         // may be wrong through no fault of their sources
    Trust trust_;
    std::vector<Event> events_;
    Permission may_ask_;
    std::uint64_t own_node_ = 0, next_job_ = 1, proven_chunks_ = 0;  // since it began
    std::size_t unstored_ = 0;
    bool deferred_ = false;     // a chunk that can be asked for, as it is the turn of others
    std::optional<Time> tick_;  // when to look for late chunks again
    ChunkIndex seen_frontier_ = 0;
    Time moved_{};  // when the frontier has
};

}  // namespace kp2p::proto
