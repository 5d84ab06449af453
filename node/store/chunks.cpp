#include "node/store/chunks.hpp"

#include <algorithm>
#include <utility>

namespace kp2p {
namespace fs = std::filesystem;

WholeChunks::WholeChunks(const Sha1& sha1, StoredFile file, fs::path cache, Links links)
    : sha1_(sha1), stored_(std::move(file)), cache_(std::move(cache)) {
    // A file of one chunk has no cache that could vouch for it, and is soon hashed.
    if (proto::chunk_count(size_bytes()) == 1) return;
    auto kept = load_links(cache_, stored_.stamp);
    if (!kept) return;
    if (links == Links::kept)
        known_ = *std::move(kept);
    else
        supposed_ = *std::move(kept);
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
    if (proto::chunk_count(size_bytes()) == 1) known_.links = {proto::first_link()};
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
    auto ended = supposed_.links.empty() ? hash_some(*file, chunks_at_once)
                                         : confirm_some(*file, chunks_at_once);
    if (!ended) return ended.error();
    if (!*ended) return ok;
    if (!is_same()) return Errc::not_found;
    if (!supposed_.links.empty()) {
        known_ = std::move(supposed_);
        return ok;
    }
    const Sha1 found = hasher_.finish();
    if (hasher_.collided()) return Errc::sha1_collision;
    if (found != sha1_) return proto::Errc::wrong_hash;
    known_ = {hasher_.links(), sums_.finish()};
    save_links(cache_, stored_.stamp, known_);
    return ok;
}

// Whether that was the end of the file.
Result<bool> WholeChunks::hash_some(const File& file, int chunks) {
    BulkBytes buffer(
        static_cast<std::size_t>(std::min<std::uint64_t>(size_bytes(), proto::chunk_bytes)));
    for (int i = 0; i < chunks; ++i) {
        auto size = read(file, hasher_.size_bytes(), buffer);
        if (!size) return size.error();
        const ByteView bytes = ByteView(buffer).first(*size);
        hasher_.update(bytes);
        sums_.update(bytes);
        if (*size < buffer.size() || hasher_.size_bytes() >= size_bytes()) {
            if (hasher_.size_bytes() == size_bytes() && size_bytes() <= max_kept_bytes)
                at_hand_ = std::move(buffer);
            return true;
        }
    }
    return false;
}

// Whether each chunk has led from its link to the next one, and the last one to the SHA-1. Where
// one does not, the links are forgotten, and all is hashed from the front.
Result<bool> WholeChunks::confirm_some(const File& file, int chunks) {
    ByteVector buffer(2 * proto::chunk_bytes);
    const std::uint64_t last = supposed_.links.size() - 1;
    const auto doubt = [this] {
        supposed_ = KnownLinks();
        return false;
    };
    for (int i = 0; i < chunks; i += 2) {
        const bool two = confirmed_ + 1 < last;
        const std::uint64_t at = confirmed_ * proto::chunk_bytes;
        const std::uint64_t wanted =
            two ? buffer.size() : proto::chunk_size_bytes(size_bytes(), confirmed_);
        auto size = read(file, at, std::span(buffer).first(static_cast<std::size_t>(wanted)));
        if (!size) return size.error();
        if (*size != wanted) return doubt();
        const ByteView bytes = ByteView(buffer).first(*size);
        if (confirmed_ == last) {
            const auto whole = proto::finish_chunk(supposed_.links[last], bytes, size_bytes());
            if (!whole || *whole != sha1_) return doubt();
            return true;
        }
        const Sha1Link* links = &supposed_.links[static_cast<std::size_t>(confirmed_)];
        if (!two) {
            const auto next = proto::next_link(links[0], bytes);
            if (!next || *next != links[1]) return doubt();
            ++confirmed_;
            continue;
        }
        const ByteView one = bytes.first(proto::chunk_bytes), other = bytes.subspan(one.size());
        const auto next = proto::next_links({links[0], {&one, 1}}, {links[1], {&other, 1}});
        if (!next[0] || *next[0] != links[1] || !next[1] || *next[1] != links[2]) return doubt();
        confirmed_ += 2;
    }
    return false;
}

Result<Chunk> WholeChunks::read(std::uint64_t index) const {
    if (!has(index)) return Errc::not_found;
    if (size_bytes() <= max_kept_bytes) {
        const std::lock_guard lock(mutex_);
        if (!at_hand_.empty()) return Chunk{known_.links.front(), std::exchange(at_hand_, {})};
    }
    auto file = open();
    if (!file) return file.error();
    Chunk chunk{known_.links[static_cast<std::size_t>(index)], {}};
    chunk.bytes.resize(static_cast<std::size_t>(proto::chunk_size_bytes(size_bytes(), index)));
    auto size = read(*file, index * proto::chunk_bytes, chunk.bytes);
    if (!size) return size.error();
    if (*size != chunk.bytes.size() || !proves(index, chunk.bytes)) return proto::Errc::wrong_hash;
    return chunk;
}

bool WholeChunks::is_at_hand() const {
    const std::lock_guard lock(mutex_);
    return !at_hand_.empty();
}

bool WholeChunks::proves(std::uint64_t index, ByteView bytes) const {
    const auto at = static_cast<std::size_t>(index);
    const auto& [links, sums] = known_;
    if (at < sums.size() && sums[at] == proto::content_sum(bytes)) return true;
    if (at + 1 < links.size()) return proto::is_between(links[at], bytes, links[at + 1]);
    return proto::is_last_of(sha1_, links[at], bytes, size_bytes());
}

}  // namespace kp2p
