// Journal: what a download has kept, so that a killed process loses none of it. Append-only; a torn
// end is cut off when the journal is opened again. Integers little-endian.
//   journal := "kp2pjnl1"  file:20  size:u64  check:u64  record*
//   record  := index:u64  link:20  next:20  content:u64  check:u64               of a chunk
//            | length:u64 manifest:20 start:u64 0:12 content:u64 check:u64       of a range
//   length has its highest bit set, which no index has, and is 1 to 1 MiB without it.
//   content is XXH3-64 of the bytes; check is XXH3-64 of what precedes it in its structure.
//   A head that begins with "kp2pjnl!" says that a flush of the data has failed: each chunk must be
//   written again before it is flushed again, for what is read back need not be on the disk.
// The order in which data and journal reach the disk does not matter: a chunk counts only after its
// bytes were read back and have the hash that its record says.
#pragma once

#include <optional>
#include <vector>

#include "node/store/file.hpp"
#include "proto/file/links.hpp"
#include "proto/transfer/chain.hpp"

namespace kp2p {

struct JournalRecord {
    proto::StoredChunk chunk;
    std::uint64_t content_hash = 0;
};

// Bytes that a reader of a range has verified by a manifest, which may be of another file than it
// says: so they are for those alone who name the same manifest.
struct RangeRecord {
    static constexpr std::uint64_t max_bytes = proto::chunk_bytes;
    std::uint64_t start = 0, length = 0;
    Sha1 manifest;
    std::uint64_t content_hash = 0;
    std::uint64_t end() const { return start + length; }
};

class Journal {
  public:
    explicit Journal(File file) : file_(std::move(file)) {}

    enum class Data { as_written, unflushable };
    struct Replayed {
        std::uint64_t size_bytes = 0;  // of the file being downloaded
        std::vector<JournalRecord> records;
        std::vector<RangeRecord> ranges;
        Data data = Data::as_written;
    };
    // Nothing if it is empty, damaged at its head or of another file.
    std::optional<Replayed> replay(const Sha1& file);
    Result<void> start(const Sha1& file, std::uint64_t size_bytes);  // anew
    // Says so in the head. What was appended stays.
    Result<void> mark(const Sha1& file, std::uint64_t size_bytes, Data data) const;
    Result<void> append(const JournalRecord& record);
    Result<void> append(const RangeRecord& range);

  private:
    Result<void> append(ByteView record);

    File file_;
    std::uint64_t end_bytes_ = 0;
};

}  // namespace kp2p
