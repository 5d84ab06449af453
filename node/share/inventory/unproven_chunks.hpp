// UnprovenChunks: what a download has of a file and cannot judge yet, for others who are getting
// the same file and are told that it is so. In memory, which is the download's anyway. On any
// thread.
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "node/store/chunks.hpp"
#include "proto/transfer/chunk_check.hpp"

namespace kp2p {

class UnprovenChunks {
  public:
    using Content = std::shared_ptr<const proto::CheckedChunk>;

    void hold(std::uint64_t index, const Sha1Link& link, Content content) {
        const std::lock_guard lock(mutex_);
        held_.insert_or_assign(index, Held{link, std::move(content)});
    }
    void let_go(std::uint64_t index) {
        const std::lock_guard lock(mutex_);
        held_.erase(index);
    }
    bool has(std::uint64_t index) const {
        const std::lock_guard lock(mutex_);
        return held_.contains(index);
    }
    // Errc::not_found when it is not held any more.
    Result<Chunk> read(std::uint64_t index) const {
        Held held;
        {
            const std::lock_guard lock(mutex_);
            const auto found = held_.find(index);
            if (found == held_.end()) return Errc::not_found;
            held = found->second;
        }
        const std::vector<ByteView> parts = held.content->views();
        std::size_t size = 0;
        for (const ByteView part : parts) size += part.size();
        Chunk chunk{held.link, BulkBytes(size)};
        std::uint8_t* to = chunk.bytes.data();
        for (const ByteView part : parts) to = std::copy(part.begin(), part.end(), to);
        return chunk;
    }

  private:
    struct Held {
        Sha1Link link;
        Content content;
    };

    mutable std::mutex mutex_;
    std::map<std::uint64_t, Held> held_;
};

}  // namespace kp2p
