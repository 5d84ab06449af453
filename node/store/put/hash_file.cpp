#include "node/store/put/hash_file.hpp"

#include <optional>
#include <semaphore>
#include <system_error>
#include <thread>

#include "node/store/store_errc.hpp"
#include "node/threads/thread.hpp"

namespace kp2p {
namespace {

constexpr std::size_t block_bytes = std::size_t{256} << 10;  // stays in a core's own cache

class Blocks {  // of a file, from its beginning to its end
  public:
    // `size_bytes`: of the file, as it seems to be.
    Blocks(const File& file, std::uint64_t size_bytes)
        : file_(file),
          buffer_(static_cast<std::size_t>(size_bytes < block_bytes ? size_bytes + 1
                                                                    : std::uint64_t{block_bytes})) {
    }
    // Empty behind the end. Where less comes than was asked for, the file ends.
    Result<ByteView> next() {
        if (ended_) return ByteView();
        auto size = file_.read_at(offset_, buffer_);
        if (!size) return size.error();
        offset_ += *size;
        ended_ = *size < buffer_.size();
        return ByteView(buffer_).first(*size);
    }

  private:
    const File& file_;
    std::uint64_t offset_ = 0;
    bool ended_ = false;
    ByteVector buffer_;
};

// Hashes for the manifest on another core, block by block; on this one where no thread can be had.
class ManifestHelper {
  public:
    ManifestHelper(ManifestWish wish, std::uint64_t size_bytes) {
        if (wish == ManifestWish::none) return;
        hasher_.emplace(size_bytes);
        try {
            thread_ = start_thread([this] { run(); });
        } catch (const std::system_error&) {  // the system's limit of threads
        }
    }
    ManifestHelper(const ManifestHelper&) = delete;
    ~ManifestHelper() {
        if (!thread_.joinable()) return;
        wait();
        block_ = ByteView();
        given_.release();
        thread_.join();
    }

    // `block` stays as it is until wait() or the end of this.
    void begin(ByteView block) {
        if (!hasher_) return;
        if (!thread_.joinable()) return hasher_->update(block);
        block_ = block;
        busy_ = true;
        given_.release();
    }
    void wait() {
        if (std::exchange(busy_, false)) done_.acquire();
    }
    std::optional<proto::ManifestHasher::Made> finish(const Sha1& sha1) {
        if (!hasher_) return std::nullopt;
        return hasher_->finish(sha1);
    }
    bool collided() const { return hasher_ && hasher_->collided(); }

  private:
    void run() {
        for (;;) {
            given_.acquire();
            if (block_.empty()) return;
            hasher_->update(block_);
            done_.release();
        }
    }

    std::optional<proto::ManifestHasher> hasher_;
    ByteView block_;  // empty: the end
    bool busy_ = false;
    std::binary_semaphore given_{0}, done_{0};
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
    Blocks blocks(cloned ? copy->file : source, before->size_bytes);
    proto::LinkHasher hasher;
    ManifestHelper manifest(wish, before->size_bytes);
    bool may_end_in_hole = false;
    for (;;) {
        if (stop.stop_requested()) return Errc::canceled;
        auto block = blocks.next();
        if (!block) return block.error();
        if (block->empty()) break;
        manifest.begin(*block);
        const std::uint64_t offset = hasher.size_bytes();
        hasher.update(*block);
        may_end_in_hole = block->back() == 0;
        if (copy && !cloned)
            if (auto done = copy->file.write_sparse_at(offset, *block); !done)
                return storage_error(done.error(), copy->where);
        manifest.wait();
        if (progress) progress(block->size());
    }
    if (copy && !cloned && may_end_in_hole)
        if (auto done = copy->file.resize(hasher.size_bytes()); !done)
            return storage_error(done.error(), copy->where);
    const auto after = source.stamp();
    if (!after) return after.error();
    if (*after != *before || hasher.size_bytes() != before->size_bytes) return StoreErrc::changed;
    HashedFile hashed;
    hashed.stamp = *before;
    hashed.sha1 = hasher.finish();
    hashed.size_bytes = hasher.size_bytes();
    hashed.known = {hasher.links(), hasher.sums()};
    hashed.manifest = manifest.finish(hashed.sha1);
    if (hasher.collided() || manifest.collided()) return Errc::sha1_collision;
    return hashed;
}

}  // namespace kp2p
