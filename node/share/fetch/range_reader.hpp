// RangeReader: gives ranges of a file that is not here by its manifest, and keeps what it fetched
// in the file's partial, so that nothing comes twice, neither for a reader of the same manifest nor
// for a whole download. Runs once, in the frame of whoever awaits run().
//
// A range is cut at the manifest's parts. One that is wanted whole is fetched whole; of one that is
// wanted in part, the pieces are, which the manifest names lists for. The pieces of many ranges are
// fetched together; all else one range after the other. A node that gives no slices, as older ones
// do, and a manifest without pieces, as kachery makes them, cost the whole part.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "node/share/fetch/range_fetch.hpp"

namespace kp2p {

class RangeReader {
  public:
    // A list of pieces, by its SHA-1: whole and right.
    using ReadList = std::function<Task<Result<ByteVector>>(Sha1 list)>;
    struct Reading {
        Sha1 file, manifest_sha1;
        proto::Manifest manifest;   // taken for true
        std::vector<NodeId> hints;  // nodes that are likely to have the file
        ReadList read_list;
    };
    RangeReader(FetchParts parts, Reading reading, Diagnosis& diagnosis)
        : parts_(parts), reading_(std::move(reading)), diagnosis_(diagnosis) {}

    // Errors as RangeFetch's. Moves each range's start behind what the sink has taken of it.
    Task<Result<void>> run(std::vector<ByteRange>& ranges, ByteSink sink);
    const std::vector<NodeId>& givers() const { return reading_.hints; }  // when it has run

  private:
    using PieceNumber = std::uint64_t;
    struct Want {  // a part of a range, cut out of pieces
        ByteRange* range;
        std::uint64_t end;
    };
    struct KeptBytes {
        std::uint64_t start = 0;
        ByteVector bytes;
    };

    Task<Result<void>> read(ByteRange& range, ByteSink sink);
    Task<Result<void>> give_parts(ByteRange& range, std::size_t first, std::size_t last,
                                  ByteSink sink);
    Task<Result<void>> fetch_parts(ByteRange& range, std::size_t first, std::size_t last,
                                   ByteSink sink);
    Task<Result<void>> give_kept(ByteRange& range, std::uint64_t end, ByteSink sink);
    Task<Result<void>> give_pieces(ByteSink sink);
    Task<Result<void>> collect_pieces();
    Task<Result<void>> fetch_pieces(std::vector<proto::ManifestChunk> missing);
    Task<Result<proto::ManifestChunk>> piece(PieceNumber number);
    Task<Result<void>> give_wants_by_parts(ByteSink sink);

    bool wants_pieces(const proto::ManifestChunk& part, std::uint64_t start,
                      std::uint64_t end) const;
    std::size_t part_at(std::uint64_t at) const;
    std::uint64_t end_of(const ByteRange& range) const;
    bool holds(std::uint64_t start, std::uint64_t end) const;
    Task<Result<ByteVector>> kept(std::uint64_t start, std::uint64_t end);
    Task<> keep(std::vector<KeptBytes> fresh);
    void learn(std::vector<NodeId> givers);

    FetchParts parts_;
    Reading reading_;
    Diagnosis& diagnosis_;
    std::shared_ptr<Partial> partial_;  // null while there is none
    bool keeping_ = true;
    std::vector<Want> wants_;  // to be given next, of pieces
    std::size_t wanted_pieces_ = 0;
    std::map<std::uint64_t, std::vector<proto::ManifestChunk>> lists_;
    std::map<PieceNumber, ByteVector> pieces_;  // of what is wanted
};

}  // namespace kp2p
