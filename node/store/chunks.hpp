// Chunks: a file of the storage, readable chunk by chunk with the SHA-1 links that prove each.
// What read() gives is what the file's SHA-1 demands, or an error: a chunk is proven by its link,
// or by the sum that this user's own hashing left of it, or it is not given. Blocking; from several
// threads at once.
#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "node/store/links_cache.hpp"

namespace kp2p {

struct Chunk {
    Sha1Link link;  // SHA-1 state before it
    BulkBytes bytes;
};

class Chunks {
  public:
    virtual ~Chunks() = default;
    virtual std::uint64_t size_bytes() const = 0;
    virtual bool has(std::uint64_t index) const = 0;
    // Where they lie, if that is outside of the storage, on a file system that may hang; else null.
    virtual const std::filesystem::path* lie_elsewhere() const { return nullptr; }
    // Errc::not_found unless has(index), or when the file is gone; proto::Errc::wrong_hash when
    // the bytes there are not the file's; std::errc::io_error when the disk does not give them;
    // Errc::limit_reached when too many files are open, Errc::storage_unavailable when it cannot be
    // opened for another reason.
    virtual Result<Chunk> read(std::uint64_t index) const = 0;
    // Whether that is done at once.
    virtual bool is_at_hand() const { return false; }
};

struct StoredFile {
    std::filesystem::path path;
    FileStamp stamp;
    bool linked = false;  // it lies elsewhere
};

// Of a file that is stored or linked, whole. Its links may not be known yet (kachery stored it), or
// may be another's (the file has changed since):
//   while (!chunks->ready()) if (auto done = chunks->prepare(); !done) ...
// where each prepare() hashes some tens of milliseconds. ready() and prepare() are one thread's.
// Keeps no descriptor: who has opened many may never read them. What is small is kept as it was
// hashed for the first that reads it.
class WholeChunks final : public Chunks {
  public:
    enum class Links {
        kept,   // in the cache, if they are of a file with this stamp
        fresh,  // made anew
    };
    WholeChunks(const Sha1& sha1, StoredFile file, std::filesystem::path cache, Links links);

    bool ready() const { return !known_.links.empty(); }
    // proto::Errc::wrong_hash when the content is not what its name says, Errc::sha1_collision when
    // it is part of an attack on SHA-1 (of which read() says wrong_hash), Errc::not_found when
    // that cannot be told since the file is gone or is being written to; else as read().
    Result<void> prepare();
    void found_right();  // makes a file of one chunk ready
    const std::vector<Sha1Link>& links() const { return known_.links; }  // when ready
    const Sha1& sha1() const { return sha1_; }
    const StoredFile& file() const { return stored_; }

    std::uint64_t size_bytes() const override { return stored_.stamp.size_bytes; }
    bool has(std::uint64_t index) const override { return index < known_.links.size(); }
    const std::filesystem::path* lie_elsewhere() const override {
        return stored_.linked ? &stored_.path : nullptr;
    }
    Result<Chunk> read(std::uint64_t index) const override;
    bool is_at_hand() const override;

  private:
    static constexpr std::uint64_t max_kept_bytes = std::uint64_t{32} << 10;
    Result<File> open() const;
    Result<std::size_t> read(const File& file, std::uint64_t offset,
                             std::span<std::uint8_t> into) const;
    bool proves(std::uint64_t index, ByteView bytes) const;
    Result<bool> confirm_some(const File& file, int chunks);
    Result<bool> hash_some(const File& file, int chunks);

    Sha1 sha1_;
    StoredFile stored_;
    std::filesystem::path cache_;
    mutable std::mutex mutex_;   // of what follows
    mutable BulkBytes at_hand_;  // all of it, hashed just now; empty: it is not
    KnownLinks known_;           // empty until ready
    proto::LinkHasher hasher_;   // what prepare() has hashed so far
    proto::ChunkSums sums_;      // and of that
    // Links that may be right: two chunks can be hashed at once where these hold.
    KnownLinks supposed_;
    std::uint64_t confirmed_ = 0;  // chunks that led from their link to the next one
};

}  // namespace kp2p
