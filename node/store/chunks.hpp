// Chunks: a file of the storage, readable chunk by chunk with the SHA-1 links that prove each.
// What read() gives is what the file's SHA-1 demands, or an error: a chunk that cannot be proven is
// never given. Blocking; from several threads at once.
#pragma once

#include <memory>
#include <vector>

#include "node/store/file.hpp"
#include "proto/file/links.hpp"

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
    // Errc::not_found unless has(index), or when the file has changed since; Errc::
    // storage_unavailable when it cannot be read.
    virtual Result<Chunk> read(std::uint64_t index) const = 0;
};

// Of a file that is stored or linked, whole. Its links may not be known yet (kachery stored it):
//   while (!chunks->ready()) if (auto done = chunks->prepare(); !done) ...
// where each prepare() hashes some tens of milliseconds. ready() and prepare() are one thread's.
class WholeChunks final : public Chunks {
  public:
    enum class Trust {
        ours,     // in the storage, where nobody else writes: a changed stamp tells
        foreign,  // linked: every chunk is hashed again as it is read
    };
    static Result<std::unique_ptr<WholeChunks>> open(const Sha1& sha1,
                                                     const std::filesystem::path& path,
                                                     std::filesystem::path cache, Trust trust);
    bool ready() const { return !links_.empty(); }
    // proto::Errc::wrong_hash when the content is not what its name says.
    Result<void> prepare();
    const std::vector<Sha1Link>& links() const { return links_; }  // when ready

    std::uint64_t size_bytes() const override { return stamp_.size_bytes; }
    bool has(std::uint64_t index) const override { return index < links_.size(); }
    const std::filesystem::path* lie_elsewhere() const override {
        return trust_ == Trust::foreign ? &path_ : nullptr;
    }
    Result<Chunk> read(std::uint64_t index) const override;

  private:
    WholeChunks(const Sha1& sha1, std::filesystem::path path, File file, const FileStamp& stamp,
                std::filesystem::path cache, Trust trust)
        : sha1_(sha1),
          path_(std::move(path)),
          file_(std::move(file)),
          stamp_(stamp),
          cache_(std::move(cache)),
          trust_(trust) {}
    bool proves(std::uint64_t index, ByteView bytes) const;

    Sha1 sha1_;
    std::filesystem::path path_;
    File file_;
    FileStamp stamp_;
    std::filesystem::path cache_;
    Trust trust_;
    std::vector<Sha1Link> links_;  // empty until ready
    proto::LinkHasher hasher_;     // what prepare() has hashed so far
};

}  // namespace kp2p
