// Stream: gives the bytes of a file that is not here to a sink, from the front, without loading the
// whole file: its manifest says the SHA-1 of each of its parts (the manifest's chunks; "chunk" here
// is the protocol's, of 1 MiB). Fetches the chunks that cover the range and no others, and gives a
// part to the sink when all of it is right. A part comes from one node at a time, so that who gave
// a wrong one is never in doubt. Stores nothing.
//
// Holds two parts (or window_bytes of smaller ones), and one more while a slow node's part is asked
// for elsewhere. Runs once, in the frame of whoever awaits run().
#pragma once

#include <list>
#include <map>
#include <memory>

#include "node/share/load.hpp"
#include "proto/file/manifest.hpp"

namespace kp2p {

class Stream {
  public:
    static constexpr std::uint64_t window_bytes = 8 << 20;
    static constexpr std::size_t window_parts = 64;

    // `manifest` is taken for true. `hints`: nodes that are likely to have the file.
    Stream(LoadParts parts, proto::Manifest manifest, std::vector<NodeId> hints,
           Diagnosis& diagnosis);

    // Moves range.start behind what the sink has taken, also when it fails. Errc::not_found: no
    // node that was found has all of the next part; Errc::verification_failed: the same, and one
    // was dropped for what it sent; Errc::timed_out: who gave has stopped; or the sink's error.
    Task<Result<void>> run(ByteRange& range, ByteSink sink);

  private:
    class Source;
    friend class Source;
    using PartIndex = std::size_t;
    struct Piece {
        proto::PieceEncoding encoding;
        ByteVector payload;
        ByteView bytes;  // in it
    };
    using Pieces = std::shared_ptr<std::vector<Piece>>;  // all of a chunk
    struct Fetch {                                       // of a part, from one node
        PartIndex part;
        NodeId from;
        Clock::Time began;
        std::map<proto::ChunkIndex, Pieces> chunks;  // that are here
        bool checking = false;
    };
    using FetchRef = std::shared_ptr<Fetch>;
    using Plain = std::vector<ByteVector>;  // a part's bytes

    Task<Result<void>> give(ByteRange& range, ByteSink sink);
    Task<Result<void>> await_front(const ByteRange& range);
    bool front_expected() const;
    bool hopeless() const;
    std::error_code explain(const ByteRange& range);

    Task<Providers::Ended> use(Neighbour& neighbour);
    void drop(const NodeId& node, const std::string& what);
    void forget(const NodeId& node);  // what it was to give
    bool asked(const NodeId& node, proto::ChunkIndex index) const;

    void pump();
    bool ask(Source& source);
    bool assign(Source& source);
    void arrived(const NodeId& node, proto::ChunkIndex index, Pieces pieces);
    Task<> check(FetchRef fetch);

    const proto::ManifestChunk& part(PartIndex index) const { return manifest_.chunks[index]; }
    proto::ChunkIndex first_chunk(PartIndex index) const;
    proto::ChunkIndex last_chunk(PartIndex index) const;

    LoadParts parts_;
    proto::Manifest manifest_;
    std::vector<NodeId> hints_;
    Tasks* tasks_ = nullptr;  // while it runs
    Event changed_;
    Providers providers_;
    std::vector<Source*> sources_;  // one for each connection

    PartIndex front_ = 0, behind_ = 0;  // the part to give next, and where to stop
    std::list<FetchRef> fetches_;
    std::map<PartIndex, Plain> checked_;  // not given yet
};

}  // namespace kp2p
