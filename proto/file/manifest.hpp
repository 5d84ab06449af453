// A kachery manifest: JSON that splits a file into chunks that each have a SHA-1 of their own, so
// that any of them can be verified alone. It is itself stored under its SHA-1, and a file's URI may
// name it ("?manifest="). Not to be confused with the 1 MiB chunks of links.hpp.
//   {"size":N,"sha1":"HASH","chunks":[{"start":0,"end":1048576,"sha1":"HASH"},...],
//    "pieces":{"size":16384,"lists":["HASH",...]}}
// A chunk has about a two-thousandth of the file, in whole MiB, and 20 MB at most. A reader that
// wants a few bytes should not have to fetch so many, so "pieces", which is ours and which
// kachery's readers in Python pass over, names lists of the SHA-1s of the file's pieces of 16 KiB,
// 20 bytes each, one after the other. A list has pieces_per_list of them, the last one what is
// left, and is stored as a file, under its own SHA-1. text() gives the bytes that our daemon and
// Python package agree about, so that both name them by the same SHA-1; parse() also takes those of
// kachery_p2p, whose chunks have 20 MB, and of the older kachery package, which has other sizes and
// blanks. Source: kachery_p2p 0.8 _local_kachery_storage.py, KacheryStorageManager.ts; kachery 0.6
// core.py.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "proto/file/sha1.hpp"

namespace kp2p::proto {

inline constexpr std::uint64_t piece_bytes = 16 * 1024;
inline constexpr std::uint64_t pieces_per_list = 4096;  // of 64 MiB: a list has at most 80 KiB
// Of the manifests that we write.
constexpr std::uint64_t manifest_chunk_bytes(std::uint64_t size_bytes) {
    constexpr std::uint64_t mib = std::uint64_t{1} << 20, most = 20'000'000, chunks = 2000;
    const std::uint64_t share_mib = (size_bytes / chunks + mib - 1) / mib;
    return share_mib > most / mib ? most : share_mib == 0 ? mib : share_mib * mib;
}
// Only files above this get a manifest.
inline constexpr std::uint64_t manifest_threshold_bytes = 20'000'000;

// Limits of parse(): what a foreign manifest may ask a reader to hold.
inline constexpr std::size_t max_manifest_bytes = std::size_t{16} << 20;
inline constexpr std::uint64_t max_manifest_chunk_bytes = std::uint64_t{64} << 20;

struct ManifestChunk {
    std::uint64_t start_bytes = 0;  // offset of the first byte
    std::uint64_t end_bytes = 0;    // offset behind the last
    Sha1 sha1;
    friend bool operator==(const ManifestChunk&, const ManifestChunk&) = default;
};

struct Manifest {
    std::uint64_t size_bytes = 0;
    Sha1 sha1;                           // of the whole file
    std::vector<ManifestChunk> chunks;   // in order, not empty, without gaps, from 0 to size_bytes
    std::vector<Sha1> piece_lists = {};  // of all the file's pieces; or none

    // Errc::bad_text: no JSON, or not of this shape; too_long: above a limit; bad_value: chunks
    // that are empty, overlap or leave a gap.
    static Result<Manifest> parse(std::string_view json);
    std::string text() const;
    friend bool operator==(const Manifest&, const Manifest&) = default;
};

constexpr std::uint64_t piece_count(std::uint64_t size_bytes) {
    return (size_bytes + piece_bytes - 1) / piece_bytes;
}
constexpr std::uint64_t piece_list_count(std::uint64_t size_bytes) {
    return (piece_count(size_bytes) + pieces_per_list - 1) / pieces_per_list;
}
// The pieces of the list `number` of a file, as parts that can be verified alone. Errc::bad_value
// if it is not as long as that list must be.
Result<std::vector<ManifestChunk>> pieces_of(std::uint64_t size_bytes, std::uint64_t number,
                                             ByteView list);

class LinkHasher;

// Hashes the chunks and pieces of a file from front to back.
class ManifestHasher {
  public:
    explicit ManifestHasher(std::uint64_t expected_bytes)
        : chunk_bytes_(manifest_chunk_bytes(expected_bytes)) {}
    void update(ByteView bytes);
    // The same and links.update(bytes), in much less time.
    void update_both(LinkHasher& links, ByteView bytes, Sha1Masks masks = {});
    // Whether so many bytes have come that the chunks have the size that they should.
    bool fits() const { return chunk_bytes_ == manifest_chunk_bytes(size_bytes_); }

    struct Made {
        Manifest manifest;
        std::vector<ByteVector> piece_lists;  // to be stored, too
    };
    Made finish(const Sha1& whole);  // once, and no update() after it
    // Of a chunk or a piece, once finished: as in Sha1Hasher.
    bool collided() const { return collided_; }

  private:
    // The first of `bytes` that lie in one chunk and in one piece, and once they are hashed.
    ByteView begin_part(ByteView bytes) const;
    void end_part(ByteView part);
    void finish_chunk();
    void finish_piece();

    std::uint64_t chunk_bytes_;
    Sha1Hasher chunk_, piece_;
    bool collided_ = false;
    std::uint64_t size_bytes_ = 0;
    std::vector<ManifestChunk> chunks_;
    std::vector<ByteVector> lists_;
};

}  // namespace kp2p::proto
