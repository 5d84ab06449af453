#include "proto/file/links.hpp"

#include <xxhash.h>

#include <algorithm>
#include <new>

#include "proto/outcome.hpp"

namespace kp2p::proto {

Sha1Link first_link() { return Sha1Hasher().link(); }

namespace {

Result<Sha1Link> link_after(const Sha1Hasher& hasher) {
    if (hasher.collided()) return kp2p::Errc::sha1_collision;
    return hasher.link();
}

std::uint64_t size_of(ByteViews parts) {
    std::uint64_t size = 0;
    for (const ByteView part : parts) size += part.size();
    return size;
}

// The first of `bytes`, which begin at `offset` of a file, that lie in one chunk.
ByteView first_in_chunk(ByteView bytes, std::uint64_t offset) {
    const auto size = std::min<std::uint64_t>(bytes.size(), chunk_bytes - offset % chunk_bytes);
    return bytes.first(static_cast<std::size_t>(size));
}

}  // namespace

Result<Sha1Link> next_link(const Sha1Link& link, ByteViews chunk) {
    if (size_of(chunk) != chunk_bytes) return Errc::bad_value;
    Sha1Hasher hasher(link, 0);
    for (const ByteView part : chunk) hasher.update(part);
    return link_after(hasher);
}

std::array<Result<Sha1Link>, 2> next_links(const LinkedChunk& a, const LinkedChunk& b) {
    if (size_of(a.bytes) != chunk_bytes || size_of(b.bytes) != chunk_bytes)
        return {next_link(a.link, a.bytes), next_link(b.link, b.bytes)};
    Sha1Hasher hasher_a(a.link, 0), hasher_b(b.link, 0);
    for (std::size_t i = 0; i < std::max(a.bytes.size(), b.bytes.size()); ++i)
        Sha1Hasher::update_two(hasher_a, i < a.bytes.size() ? a.bytes[i] : ByteView(), hasher_b,
                               i < b.bytes.size() ? b.bytes[i] : ByteView());
    return {link_after(hasher_a), link_after(hasher_b)};
}

Result<Sha1> finish_chunk(const Sha1Link& link, ByteViews chunk, std::uint64_t size_bytes) {
    if (size_bytes > max_file_bytes) return Errc::bad_value;
    const std::uint64_t last = chunk_count(size_bytes) - 1;
    if (size_of(chunk) != chunk_size_bytes(size_bytes, last)) return Errc::bad_value;
    Sha1Hasher hasher(link, last * chunk_bytes);
    for (const ByteView part : chunk) hasher.update(part);
    const Sha1 whole = hasher.finish();
    if (hasher.collided()) return kp2p::Errc::sha1_collision;
    return whole;
}

bool is_between(const Sha1Link& link, ByteView chunk, const Sha1Link& next) {
    if (chunk.size() != chunk_bytes) return false;
    Sha1Hasher hasher(link, 0, Sha1Hasher::Search::nothing);
    hasher.update(chunk);
    return hasher.link() == next;
}

bool is_last_of(const Sha1& whole, const Sha1Link& link, ByteView chunk, std::uint64_t size_bytes) {
    if (size_bytes > max_file_bytes) return false;
    const std::uint64_t last = chunk_count(size_bytes) - 1;
    if (chunk.size() != chunk_size_bytes(size_bytes, last)) return false;
    Sha1Hasher hasher(link, last * chunk_bytes, Sha1Hasher::Search::nothing);
    hasher.update(chunk);
    return hasher.finish() == whole;
}

std::uint64_t content_sum(ByteView bytes) { return XXH3_64bits(bytes.data(), bytes.size()); }

namespace {

// content_sum() of what comes in several parts.
class ContentSum {
  public:
    ContentSum() : state_(XXH3_createState()) {
        if (!state_) throw std::bad_alloc();
        begin();
    }
    void update(ByteView bytes) { XXH3_64bits_update(state_.get(), bytes.data(), bytes.size()); }
    std::uint64_t finish() {
        const std::uint64_t sum = XXH3_64bits_digest(state_.get());
        begin();
        return sum;
    }

  private:
    struct Free {
        void operator()(XXH3_state_t* state) const { XXH3_freeState(state); }
    };
    void begin() { XXH3_64bits_reset(state_.get()); }
    std::unique_ptr<XXH3_state_t, Free> state_;
};

}  // namespace

std::uint64_t content_sum(ByteViews bytes) {
    ContentSum sum;
    for (const ByteView part : bytes) sum.update(part);
    return sum.finish();
}

class ChunkSums::Sum : public ContentSum {};

ChunkSums::ChunkSums() : sum_(std::make_unique<Sum>()) {}
ChunkSums::ChunkSums(ChunkSums&&) noexcept = default;
ChunkSums& ChunkSums::operator=(ChunkSums&&) noexcept = default;
ChunkSums::~ChunkSums() = default;

void ChunkSums::update(ByteView bytes) {
    while (!bytes.empty()) {
        const ByteView part = first_in_chunk(bytes, size_bytes_);
        if (size_bytes_ % chunk_bytes == 0 && size_bytes_ > 0) sums_.push_back(sum_->finish());
        sum_->update(part);
        size_bytes_ += part.size();
        bytes = bytes.subspan(part.size());
    }
}

std::vector<std::uint64_t> ChunkSums::finish() {
    sums_.push_back(sum_->finish());
    return std::move(sums_);
}

void LinkHasher::update(ByteView bytes, Sha1Masks masks) {
    while (!bytes.empty()) {
        const ByteView part = begin_part(bytes);
        hasher_.update(part, masks);
        end_part(part);
        bytes = bytes.subspan(part.size());
        masks = masks_from(masks, part.size());
    }
}

ByteView LinkHasher::begin_part(ByteView bytes) {
    // The link of a chunk is known when the one before it is whole, but belongs to the file only if
    // another byte follows.
    if (size_bytes_ % chunk_bytes == 0 && size_bytes_ > 0) links_.push_back(hasher_.link());
    return first_in_chunk(bytes, size_bytes_);
}

Sha1 LinkHasher::finish() { return hasher_.finish(); }

}  // namespace kp2p::proto
