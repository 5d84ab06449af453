#include "node/store/chunks.hpp"

#include "node/store/links_cache.hpp"

namespace kp2p {
namespace fs = std::filesystem;

WholeChunks::WholeChunks(const Sha1& sha1, StoredFile file, fs::path cache, Links links)
    : sha1_(sha1), stored_(std::move(file)), cache_(std::move(cache)) {
    // A file of one chunk has no cache that could vouch for it, and is soon hashed.
    if (links == Links::fresh || proto::chunk_count(size_bytes()) == 1) return;
    if (auto kept = load_links(cache_, stored_.stamp)) links_ = std::move(*kept);
}

Result<File> WholeChunks::open() const {
    auto file = File::open(stored_.path, File::Mode::read);
    if (file) return file;
    const bool gone = file.error() == std::errc::no_such_file_or_directory ||
                      file.error() == std::errc::not_a_directory;
    if (gone) return Errc::not_found;
    const bool too_many = file.error() == std::errc::too_many_files_open ||
                          file.error() == std::errc::too_many_files_open_in_system;
    const std::error_code error = storage_error(file.error(), stored_.path);
    return too_many ? make_error_code(Errc::limit_reached) : error;
}

Result<std::size_t> WholeChunks::read(const File& file, std::uint64_t offset,
                                      std::span<std::uint8_t> into) const {
    auto size = file.read_at(offset, into);
    if (size) return size;
    (void)storage_error(size.error(), stored_.path);  // its words are kept there
    return make_error_code(std::errc::io_error);
}

void WholeChunks::found_right() {
    if (proto::chunk_count(size_bytes()) == 1) links_ = {proto::first_link()};
}

Result<void> WholeChunks::prepare() {
    // About 20 ms; of a foreign file little enough to be read in time from a slow place.
    const int chunks_at_once = stored_.linked ? 4 : 32;
    auto file = open();
    if (!file) return file.error();
    const auto is_same = [&] {
        const auto stamp = file->stamp();
        return stamp && *stamp == stored_.stamp;
    };
    if (!is_same()) return Errc::not_found;
    ByteVector buffer(proto::chunk_bytes);
    bool ended = false;
    for (int i = 0; i < chunks_at_once && !ended; ++i) {
        auto size = read(*file, hasher_.size_bytes(), buffer);
        if (!size) return size.error();
        hasher_.update(ByteView(buffer).first(*size));
        ended = *size < buffer.size() || hasher_.size_bytes() >= size_bytes();
    }
    if (!ended) return ok;
    if (!is_same()) return Errc::not_found;
    const Sha1 found = hasher_.finish();
    if (hasher_.collided()) return Errc::sha1_collision;
    if (found != sha1_) return proto::Errc::wrong_hash;
    links_ = hasher_.links();
    save_links(cache_, stored_.stamp, links_);
    return ok;
}

Result<Chunk> WholeChunks::read(std::uint64_t index) const {
    if (!has(index)) return Errc::not_found;
    auto file = open();
    if (!file) return file.error();
    Chunk chunk{links_[static_cast<std::size_t>(index)], {}};
    chunk.bytes.resize(static_cast<std::size_t>(proto::chunk_size_bytes(size_bytes(), index)));
    auto size = read(*file, index * proto::chunk_bytes, chunk.bytes);
    if (!size) return size.error();
    if (*size != chunk.bytes.size() || !proves(index, chunk.bytes)) return proto::Errc::wrong_hash;
    return chunk;
}

bool WholeChunks::proves(std::uint64_t index, ByteView bytes) const {
    const auto at = static_cast<std::size_t>(index);
    if (at + 1 < links_.size()) {
        auto next = proto::next_link(links_[at], bytes);
        return next && *next == links_[at + 1];
    }
    auto whole = proto::finish_chunk(links_[at], bytes, size_bytes());
    return whole && *whole == sha1_;
}

}  // namespace kp2p
