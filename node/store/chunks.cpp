#include "node/store/chunks.hpp"

#include "node/store/links_cache.hpp"

namespace kp2p {
namespace fs = std::filesystem;

Result<std::unique_ptr<WholeChunks>> WholeChunks::open(const Sha1& sha1, const fs::path& path,
                                                       fs::path cache, Trust trust) {
    auto file = File::open(path, File::Mode::read);
    if (!file) return storage_error(file.error(), path);
    auto stamp = file->stamp();
    if (!stamp) return storage_error(stamp.error(), path);
    std::unique_ptr<WholeChunks> chunks(
        new WholeChunks(sha1, path, std::move(*file), *stamp, std::move(cache), trust));
    // A file of one chunk has no cache that could vouch for it, and is soon hashed.
    if (proto::chunk_count(stamp->size_bytes) > 1)
        if (auto links = load_links(chunks->cache_, *stamp)) chunks->links_ = std::move(*links);
    return chunks;
}

Result<void> WholeChunks::prepare() {
    // About 20 ms; of a foreign file little enough to be read in time from a slow place.
    const int chunks_at_once = trust_ == Trust::ours ? 32 : 4;
    ByteVector buffer(proto::chunk_bytes);
    for (int i = 0; i < chunks_at_once && hasher_.size_bytes() < stamp_.size_bytes; ++i) {
        auto size = file_.read_at(hasher_.size_bytes(), buffer);
        if (!size) return storage_error(size.error(), sha1_.hex());
        if (*size == 0) return proto::Errc::wrong_hash;
        hasher_.update(ByteView(buffer).first(*size));
    }
    if (hasher_.size_bytes() < stamp_.size_bytes) return ok;
    auto stamp = file_.stamp();
    if (!stamp || *stamp != stamp_ || hasher_.finish() != sha1_) return proto::Errc::wrong_hash;
    links_ = hasher_.links();
    save_links(cache_, stamp_, links_);
    return ok;
}

Result<Chunk> WholeChunks::read(std::uint64_t index) const {
    if (!has(index)) return Errc::not_found;
    Chunk chunk{links_[static_cast<std::size_t>(index)], {}};
    const std::uint64_t size_bytes = proto::chunk_size_bytes(stamp_.size_bytes, index);
    chunk.bytes.resize(static_cast<std::size_t>(size_bytes));
    auto size = file_.read_at(index * proto::chunk_bytes, chunk.bytes);
    if (!size) return storage_error(size.error(), sha1_.hex());
    auto stamp = file_.stamp();
    if (!stamp || *stamp != stamp_ || *size != size_bytes) return Errc::not_found;
    if (trust_ == Trust::foreign && !proves(index, chunk.bytes)) return Errc::not_found;
    return chunk;
}

bool WholeChunks::proves(std::uint64_t index, ByteView bytes) const {
    const auto at = static_cast<std::size_t>(index);
    if (at + 1 < links_.size()) {
        auto next = proto::next_link(links_[at], bytes);
        return next && *next == links_[at + 1];
    }
    auto whole = proto::finish_chunk(links_[at], bytes, stamp_.size_bytes);
    return whole && *whole == sha1_;
}

}  // namespace kp2p
