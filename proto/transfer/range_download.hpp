// RangeDownload: a range of one file from any number of providers, from its front, without the rest
// of the file: its manifest says the SHA-1 of each of its parts ("part" is the manifest's chunk,
// "chunk" the protocol's, of 1 MiB). Knows no socket, file or thread.
//
// Shape: feed it, then carry out take_events(). It asks for chunks (AskChunk, CallOff), has parts
// checked (CheckPart, answered by checked()), names nodes that must not be used any more
// (DropNode), and lets go of sources from which nothing comes (SourceStalled), which may come back
// under a new key. What is right comes out in order by next_bytes(), until complete(). Rules:
//   - only the chunks that cover a part which the range needs are asked for;
//   - a part comes from one node at a time, over whatever connections it is a source on, so that
//     who gave a wrong one is never in doubt; that node is dropped, but what it gave that is right
//     is used;
//   - parts are given out from the front of what is left, within a window that moves with the
//     reader: the next one and the one behind it, or as many small ones as window_bytes hold;
//   - a part that the reader waits for is asked of a second node once it is late at the first, and
//     whoever has it first is taken; the other is called off.
// Holds the bytes of two parts (or window_bytes of smaller ones), and one more while a late one is
// asked for elsewhere.
#pragma once

#include <list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <variant>
#include <vector>

#include "proto/transfer/part_check.hpp"
#include "proto/transfer/source.hpp"

namespace kp2p::proto {

class RangeDownload {
  public:
    using Time = Source::Time;
    using Span = Time::duration;
    using PartIndex = std::size_t;

    static constexpr std::uint64_t window_bytes = 8 << 20;
    static constexpr std::size_t window_parts = 64;
    static constexpr std::size_t max_asked = 12;  // chunks, of one source
    static constexpr Span late_span = std::chrono::seconds(5);

    struct AskChunk {
        SourceKey source;
        ChunkIndex index;
    };
    struct CallOff {
        SourceKey source;
        ChunkIndex index;
    };
    struct CheckPart {
        std::uint64_t job;
        std::shared_ptr<PartCheck> check;
    };
    struct DropNode {
        NodeId node;
        Fault fault;
        ManifestChunk part;  // where it makes sense
    };
    struct SourceStalled {
        SourceKey source;
    };
    using Event = std::variant<AskChunk, CallOff, CheckPart, DropNode, SourceStalled>;

    // `manifest` is taken for true. A range past the end is what there is.
    RangeDownload(Manifest manifest, FileRange range);

    const Manifest& manifest() const { return manifest_; }

    // Before anything is asked for. held_back(): it has refused something since the last asking.
    void ask_if(MayAsk may_ask) { may_ask_.ask_if(std::move(may_ask)); }
    bool held_back() const { return may_ask_.refused() > 0; }
    // Keys start at 1 and are not used again.
    void add_source(Time now, SourceKey key, const NodeId& node, Offer offer);
    void remove_source(Time now, SourceKey key);  // it is gone, without blame
    void retire(SourceKey key);                   // is asked for nothing more
    bool owes(SourceKey key) const;               // something of what it was asked for
    void heard(SourceKey key, Time at);           // it was giving us something else then
    void have(Time now, SourceKey key, ChunkIndex index);
    // `data.bytes` lies in `payload`.
    void receive(Time now, SourceKey key, const Data& data, Payload payload);
    void canceled(Time now, SourceKey key, ChunkIndex index);
    void misbehaved(Time now, const NodeId& node);  // it sent what cannot be read
    void checked(Time now, std::uint64_t job);      // its check is through
    void expire(Time now);
    std::optional<Time> deadline() const;
    std::vector<Event> take_events();  // in order

    // What comes next of the range; nothing while it is not here. Valid until taken().
    std::optional<ByteView> next_bytes() const;
    void taken(Time now);                                          // these
    std::uint64_t position() const { return range_.start_bytes; }  // all before it was taken
    bool complete() const { return front_ >= behind_; }
    bool settling() const { return !jobs_.empty(); }  // what came is not judged yet
    // Somebody gives the part at the front, or has all of it.
    bool front_expected() const;

  private:
    struct From {
        NodeId node;
        Source source;
    };
    struct Order {  // of a part, at one node
        PartIndex part;
        NodeId node;
        Time began;
        std::map<ChunkIndex, PartCheck::Chunk> chunks;  // that are here
    };
    struct Job {
        PartIndex part;
        NodeId node;
        std::shared_ptr<PartCheck> check;
    };

    const ManifestChunk& part(PartIndex index) const { return manifest_.chunks[index]; }
    ChunkIndex first_chunk(PartIndex index) const;
    ChunkIndex last_chunk(PartIndex index) const;
    bool lacks(const Order& order, ChunkIndex index) const;
    bool has_part(const Source& source, PartIndex index) const;
    bool asked(const NodeId& node, ChunkIndex index) const;

    void go_on(Time now);
    bool ask_ordered(Time now, SourceKey key, From& from);
    bool order_part(Time now, const From& from);
    bool may_order(Time now, PartIndex index, const NodeId& node) const;
    void arrived(const NodeId& node, ChunkCheck chunk);
    void start_check(Order& order);
    void drop(const NodeId& node, Fault fault, const ManifestChunk& part);
    void release(SourceKey key);
    void forget_orders(const NodeId& node);
    void call_off_unneeded();

    Manifest manifest_;
    FileRange range_;  // what was taken is not in it any more
    PartIndex front_ = 0, behind_ = 0;
    std::map<SourceKey, From> sources_;
    std::list<Order> orders_;
    std::map<std::uint64_t, Job> jobs_;
    std::map<PartIndex, std::vector<ByteVector>> right_;  // not taken yet
    std::size_t taken_pieces_ = 0;                        // of the front's
    std::set<NodeId> liars_;
    std::vector<Event> events_;
    Permission may_ask_;
    std::uint64_t next_job_ = 1;
    std::optional<Time> late_at_;  // the part at the front, if it has not come
};

}  // namespace kp2p::proto
