// A kachery manifest: JSON that splits a file into chunks that each have a SHA-1 of their own, so
// that any of them can be verified alone. It is itself stored under its SHA-1, and a file's URI may
// name it ("?manifest="). Not to be confused with the 1 MiB chunks of links.hpp.
//   {"size":N,"sha1":"HASH","chunks":[{"start":0,"end":20000000,"sha1":"HASH"},...]}
// text() gives the bytes that kachery-p2p writes (daemon and Python package agree), so that both
// name it by the same SHA-1; parse() also takes those of the older kachery package, which has other
// chunk sizes and blanks. Source: kachery_p2p 0.8 _local_kachery_storage.py,
// KacheryStorageManager.ts; kachery 0.6 core.py.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "proto/file/sha1.hpp"

namespace kp2p::proto {

inline constexpr std::uint64_t manifest_chunk_bytes = 20'000'000;
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
    Sha1 sha1;                          // of the whole file
    std::vector<ManifestChunk> chunks;  // in order, not empty, without gaps, from 0 to size_bytes

    // Errc::bad_text: no JSON, or not of this shape; too_long: above a limit; bad_value: chunks
    // that are empty, overlap or leave a gap.
    static Result<Manifest> parse(std::string_view json);
    std::string text() const;
    friend bool operator==(const Manifest&, const Manifest&) = default;
};

// Hashes the chunks of a file from front to back.
class ManifestHasher {
  public:
    void update(ByteView bytes);
    Manifest finish(const Sha1& whole);  // once, and no update() after it

  private:
    void finish_chunk();

    Sha1Hasher hasher_;
    std::uint64_t size_bytes_ = 0;
    std::vector<ManifestChunk> chunks_;
};

}  // namespace kp2p::proto
