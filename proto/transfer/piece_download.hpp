// PieceDownload: some pieces of one file, from any number of providers, each verified alone by its
// SHA-1 (proto/file/manifest.hpp). Knows no socket, file or thread.
//
// Shape: as RangeDownload, but that it asks for slices (AskSlice), of providers that give them, and
// checks them itself, as a piece is soon hashed. What is right comes out in the order in which the
// pieces were named, by next_bytes(), until complete(). Rules:
//   - a piece is asked of the provider that has the least to do, so that all have something;
//   - the piece that the reader waits for is asked of a second node once it is late at the first;
//   - who gives a wrong piece, or what was not asked for, is dropped.
// Holds the bytes of all its pieces at most.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <variant>
#include <vector>

#include "proto/file/manifest.hpp"
#include "proto/transfer/source.hpp"

namespace kp2p::proto {

class PieceDownload {
  public:
    using Time = Source::Time;
    using Span = Time::duration;

    static constexpr std::size_t max_asked = 64;  // of one source
    static constexpr Span late_span = std::chrono::seconds(2);

    struct AskSlice {
        SourceKey source;
        std::uint64_t offset, length;
    };
    struct DropNode {
        NodeId node;
        Fault fault;
        ManifestChunk part;  // the piece, where it makes sense
    };
    struct SourceStalled {
        SourceKey source;
    };
    using Event = std::variant<AskSlice, DropNode, SourceStalled>;

    // `pieces` are taken for true, and lie each in one chunk; no two begin at one byte.
    PieceDownload(std::uint64_t file_bytes, std::vector<ManifestChunk> pieces);

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
    void receive(Time now, SourceKey key, const Slice& slice);
    void misbehaved(Time now, const NodeId& node);  // it sent what must not come
    void expire(Time now);
    std::optional<Time> deadline() const;
    std::vector<Event> take_events();  // in order

    // Of the next piece; nothing while it is not here. Valid until taken().
    std::optional<ByteView> next_bytes() const;
    void taken(Time now);
    std::uint64_t position() const;  // where the next piece begins
    bool complete() const { return front_ == pieces_.size(); }
    bool settling() const { return false; }
    // Somebody gives the piece at the front, or has it.
    bool front_expected() const;

  private:
    using PieceIndex = std::size_t;
    struct From {
        NodeId node;
        Source source;
        Time active;
        std::map<std::uint64_t, PieceIndex> asked = {};  // by offset
    };
    struct Order {
        SourceKey source;
        Time began;
    };

    bool gives(const From& from, PieceIndex index) const;
    void go_on(Time now);
    bool ask(Time now, PieceIndex index);
    std::optional<SourceKey> least_busy(PieceIndex index, const std::set<SourceKey>& but) const;
    bool is_late(Time now) const;
    void right(PieceIndex index, ByteVector bytes);
    void drop(const NodeId& node, Fault fault, const ManifestChunk& part);
    void release(SourceKey key);
    static Time active(const From& from) { return std::max(from.active, from.source.active()); }

    std::uint64_t file_bytes_;
    std::vector<ManifestChunk> pieces_;
    PieceIndex front_ = 0;
    std::map<SourceKey, From> sources_;
    std::set<PieceIndex> unasked_;
    std::multimap<PieceIndex, Order> orders_;
    std::map<PieceIndex, ByteVector> right_;  // not taken yet
    std::set<NodeId> liars_;
    std::vector<Event> events_;
    Permission may_ask_;
};

}  // namespace kp2p::proto
