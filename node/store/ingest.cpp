#include "node/store/ingest.hpp"

#include <future>

namespace kp2p {
namespace {

constexpr std::size_t block_bytes = std::size_t{256} << 10;  // stays in a core's own cache

class Blocks {  // of a file, from its beginning to its end
  public:
    explicit Blocks(const File& file) : file_(file) {}
    Result<ByteView> next() {
        buffer_.resize(block_bytes);
        auto size = file_.read_at(offset_, buffer_);
        if (!size) return size.error();
        offset_ += *size;
        return ByteView(buffer_).first(*size);
    }

  private:
    const File& file_;
    std::uint64_t offset_ = 0;
    ByteVector buffer_;
};

}  // namespace

Result<Ingested> ingest(const File& source, const File* copy, ManifestWish wish,
                        const std::stop_token& stop) {
    // What is hashed is the clone: it stays as it is when the source is written to.
    const bool cloned = copy && copy->clone_from(source);
    Blocks blocks(cloned ? *copy : source);
    proto::LinkHasher hasher;
    proto::ManifestHasher manifest_hasher;
    for (;;) {
        if (stop.stop_requested()) return Errc::canceled;
        auto block = blocks.next();
        if (!block) return block.error();
        if (block->empty()) break;
        std::future<void> manifest_done;
        if (wish == ManifestWish::make)
            manifest_done = std::async(std::launch::async,
                                       [&, bytes = *block] { manifest_hasher.update(bytes); });
        const std::uint64_t offset = hasher.size_bytes();
        hasher.update(*block);
        if (copy && !cloned)
            if (auto done = copy->write_at(offset, *block); !done)
                return storage_error(done.error(), "its copy in the storage");
    }
    Ingested ingested;
    ingested.sha1 = hasher.finish();
    ingested.size_bytes = hasher.size_bytes();
    ingested.links = hasher.links();
    if (wish == ManifestWish::make) ingested.manifest = manifest_hasher.finish(ingested.sha1);
    return ingested;
}

}  // namespace kp2p
