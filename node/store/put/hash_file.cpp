#include "node/store/put/hash_file.hpp"

#include <array>
#include <optional>
#include <semaphore>
#include <span>
#include <system_error>
#include <thread>

#include "node/store/disk/platform.hpp"
#include "node/store/store_errc.hpp"
#include "node/threads/thread.hpp"

namespace kp2p {
namespace {

constexpr std::size_t block_bytes = std::size_t{128} << 10;
// Of a file that is hashed sooner than another core has begun to help.
constexpr std::uint64_t alone_bytes = std::uint64_t{1} << 20;

// Hashes a file for all that is to be known of it, a larger one on another core while the next
// blocks are read and written, and their masks and sums found, as hashing takes longer; on this one
// where no thread can be had. Shape: fill room() from its beginning and take() that, until the end
// of the file; wait().
class BlockHasher {
  public:
    // `size_bytes`: of the file, as it seems to be.
    BlockHasher(ManifestWish wish, std::uint64_t size_bytes)
        : room_bytes_(size_bytes < block_bytes ? static_cast<std::size_t>(size_bytes) + 1
                                               : block_bytes) {
        if (wish == ManifestWish::make) manifest_.emplace(size_bytes);
        if (size_bytes >= alone_bytes) start();
        buffer_.resize(room_bytes_ * (thread_.joinable() ? rooms : 1));
    }
    BlockHasher(const BlockHasher&) = delete;
    ~BlockHasher() { wait(); }

    std::span<std::uint8_t> room() {
        if (thread_.joinable() && !std::exchange(has_room_, true)) free_.acquire();
        return std::span(buffer_).subspan(number_ % rooms * room_bytes_, room_bytes_);
    }
    // The caller, too, may read it until the next room().
    void take(ByteView block) {
        sums_.update(block);
        if (!thread_.joinable()) return hash({block, {}});
        std::vector<std::uint32_t>& masks = masks_[number_ % rooms];
        proto::find_sha1_masks(block, masks);
        give({block, masks});
        has_room_ = false;
    }
    void wait() {
        if (!thread_.joinable()) return;
        give({});
        thread_.join();
    }

    // Behind wait().
    std::uint64_t size_bytes() const { return links_.size_bytes(); }
    HashedFile finish() {
        HashedFile hashed;
        hashed.sha1 = links_.finish();
        hashed.size_bytes = links_.size_bytes();
        hashed.known = {links_.links(), sums_.finish()};
        if (manifest_) hashed.manifest = manifest_->finish(hashed.sha1);
        return hashed;
    }
    bool collided() const { return links_.collided() || (manifest_ && manifest_->collided()); }

  private:
    // In a core's own cache all together. Given back some at a time, as to wake a thread takes
    // long.
    static constexpr std::size_t rooms = 8, given_back = 4;

    struct Block {
        ByteView bytes;
        proto::Sha1Masks masks;
    };

    void start() {
        try {
            thread_ = start_thread([this] { run(); });
        } catch (const std::system_error&) {  // the system's limit of threads
        }
    }
    void give(Block block) {
        given_[number_++ % given_.size()] = block;
        ready_.release();
    }
    void run() {
        for (std::size_t at = 0;; ++at) {
            ready_.acquire();
            const Block block = given_[at % given_.size()];
            if (block.bytes.empty()) return;
            hash(block);
            if ((at + 1) % given_back == 0) free_.release(given_back);
        }
    }
    void hash(const Block& block) {
        if (manifest_)
            manifest_->update_both(links_, block.bytes, block.masks);
        else
            links_.update(block.bytes, block.masks);
    }

    std::size_t room_bytes_;
    proto::ChunkSums sums_;
    proto::LinkHasher links_;
    std::optional<proto::ManifestHasher> manifest_;
    ByteVector buffer_;
    std::array<std::vector<std::uint32_t>, rooms> masks_;
    std::array<Block, rooms + 1> given_;  // and the end
    std::size_t number_ = 0;              // of what is given next
    bool has_room_ = false;
    std::counting_semaphore<> free_{rooms}, ready_{0};
    std::thread thread_;
};

}  // namespace

Result<HashedFile> hash_file(const File& source, const Copy* copy, ManifestWish wish,
                             const std::stop_token& stop, const HashProgress& progress) {
    source.watch_mappings();
    const auto before = source.stamp();
    if (!before) return before.error();
    // What is hashed is the clone: it stays as it is when the source is written to.
    const bool cloned = copy && copy->file.clone_from(source);
    const File& read = cloned ? copy->file : source;
    BlockHasher hasher(wish, before->size_bytes);
    // A small one is read in one piece.
    std::optional<ExtentCopy> extents;
    if (copy && !cloned && before->size_bytes >= block_bytes) extents.emplace(source, copy->file);
    std::uint64_t offset = 0;
    bool may_end_in_hole = false;
    for (bool ended = false; !ended;) {
        if (stop.stop_requested()) return Errc::canceled;
        const std::span<std::uint8_t> room = hasher.room();
        // What is hashed is the copy then, too.
        const bool copied = extents && extents->copy({.offset = offset, .size = room.size()});
        auto size = (copied ? copy->file : read).read_at(offset, room);
        if (!size) return size.error();
        ended = *size < room.size();  // where less comes than was asked for, the file ends
        const ByteView block = room.first(*size);
        if (block.empty()) break;
        hasher.take(block);
        may_end_in_hole = block.back() == 0;
        if (copy && !cloned && !copied)
            if (auto done = copy->file.write_sparse_at(offset, block); !done)
                return storage_error(done.error(), copy->where);
        offset += block.size();
        if (progress) progress(block.size());
    }
    hasher.wait();
    if (copy && !cloned && may_end_in_hole)
        if (auto done = copy->file.resize(offset); !done)
            return storage_error(done.error(), copy->where);
    const auto after = source.stamp();
    if (!after) return after.error();
    if (*after != *before) return StoreErrc::changed;
    if (offset != before->size_bytes) return StoreErrc::made_up;
    HashedFile hashed = hasher.finish();
    hashed.stamp = *before;
    if (hasher.collided()) return Errc::sha1_collision;
    return hashed;
}

}  // namespace kp2p
