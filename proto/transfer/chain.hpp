// Chain: what of a file is proven by its SHA-1 alone, from the end to the front.
//
// The frontier is the lowest chunk that is proven, with all above it. Chunks below it may have been
// hashed ahead: each is kept as (its link, the link it gives), and is judged in O(1) when the
// frontier comes down to it, which takes the size's proof. Holds one small entry a chunk ahead.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "proto/bytes.hpp"
#include "proto/transfer/source.hpp"

namespace kp2p::proto {

inline constexpr SourceKey own_storage = 0;  // the source of what an earlier run left

// A chunk that is proven and stored: its link, and the link that it gives (of the file's last
// chunk: anything).
struct StoredChunk {
    ChunkIndex index = 0;
    Sha1Link link, next;
    friend bool operator==(const StoredChunk&, const StoredChunk&) = default;
};

class Chain {
  public:
    explicit Chain(const Sha1& file) : file_(file) {}

    struct Judged {
        ChunkIndex index = 0;
        SourceKey source = own_storage;
        bool right = false;
        Sha1Link link;
    };

    const Sha1& file() const { return file_; }
    std::optional<std::uint64_t> size_bytes() const { return size_bytes_; }
    // The size is what an earlier run has proven; nothing else is proven yet.
    void know_size(std::uint64_t size_bytes);
    // The last chunk gave `whole` from `link`, if the file has `size_bytes`. False: they are wrong.
    bool prove_last(std::uint64_t size_bytes, const Sha1Link& link, const Sha1& whole);

    // A chunk below the frontier, not the last, gives `next` from `link`.
    void add(ChunkIndex index, SourceKey source, const Sha1Link& link, const Sha1Link& next);
    // Judges the next chunk if it is there; call until nothing comes. A wrong one is forgotten.
    std::optional<Judged> judge();
    void forget(SourceKey source);  // every chunk from it that is not proven

    bool holds(ChunkIndex index) const {
        return (size_bytes_ && index >= frontier_) || ahead_.contains(index);
    }
    std::size_t ahead() const { return ahead_.size(); }
    ChunkIndex frontier() const { return frontier_; }
    bool complete() const { return size_bytes_ && frontier_ == 0; }
    std::uint64_t verified_bytes() const {
        return size_bytes_ ? *size_bytes_ - frontier_bytes() : 0;
    }

  private:
    struct Hashed {
        SourceKey source;
        Sha1Link link, next;
    };
    std::uint64_t frontier_bytes() const;

    Sha1 file_;
    std::optional<std::uint64_t> size_bytes_;
    ChunkIndex frontier_ = 0;
    Sha1Link trusted_;  // of the chunk at the frontier
    std::map<ChunkIndex, Hashed> ahead_;
};

}  // namespace kp2p::proto
