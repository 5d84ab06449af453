#include "proto/file/sha1.hpp"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cstring>
#include <span>

#include "proto/file/sha1_attack.hpp"
#include "proto/file/sha1_compress.hpp"
#include "proto/file/sha1_filter.hpp"

namespace kp2p::proto {

// A hasher and whole blocks for it.
struct Sha1Lane {
    Sha1Hasher& hasher;
    const std::uint8_t* blocks;

    Sha1State& state() const { return hasher.state_; }
    bool& collided() const { return hasher.collided_; }
    bool searches() const { return hasher.search_ == Sha1Hasher::Search::attacks; }
};

namespace {

// What is filtered, and hashed while it is still in a core's own cache: 32 KiB, in which there are
// enough suspects for as many as are looked at together.
constexpr std::size_t blocks_at_once = 512;
constexpr std::size_t suspects_at_once = 64;

// Three of them have the same blocks.
template <std::size_t lanes>
using Sha1Lanes = std::array<Sha1Lane, lanes>;

template <std::size_t lanes>
void compress(Sha1Lanes<lanes>& all, std::size_t count) {
    if (count == 0) return;
    static const Sha1Compressor& best = sha1_compressors().front();
    if constexpr (lanes == 1)
        best.one(all[0].state(), all[0].blocks, count);
    else if constexpr (lanes == 3)
        best.three(all[0].state(), all[1].state(), all[2].state(), all[0].blocks, count);
    else
        best.two(all[0].state(), all[0].blocks, all[1].state(), all[1].blocks, count);
    for (Sha1Lane& lane : all) lane.blocks += count * sha1_block_bytes;
}

// Suspects of one run, of all lanes, that are looked at together.
class Suspects {
  public:
    void add(const Sha1Ends& ends, const std::uint8_t* block, std::uint32_t vectors) {
        for (; vectors != 0; vectors &= vectors - 1) {
            all_[size_++] = {ends, block, static_cast<std::size_t>(std::countr_zero(vectors))};
            if (size_ == all_.size()) settle();
        }
    }
    // Whether there is an attack among all those that were added.
    bool settle() {
        found_ = found_ || any_sha1_attack(std::span(all_).first(size_));
        size_ = 0;
        return found_;
    }

  private:
    std::array<Sha1Suspect, suspects_at_once> all_;
    std::size_t size_ = 0;
    bool found_ = false;
};

// Hashes `count` blocks of a lane in which there is an attack.
void leave_sha1(Sha1Lanes<1> lane, std::size_t count, const std::uint32_t* masks) {
    for (std::size_t i = 0; i < count; ++i) {
        const std::uint8_t* block = lane[0].blocks;
        const Sha1State before = lane[0].state();
        compress(lane, 1);
        Suspects suspects;
        suspects.add({before, lane[0].state()}, block, masks[i]);
        if (!suspects.settle()) continue;
        lane[0].collided() = true;
        // From here on the state is one that nobody can have aimed at; git's sha1dc has the same.
        for (int times = 0; times < 2; ++times) {
            lane[0].blocks = block;
            compress(lane, 1);
        }
    }
}

const Sha1Filter& best_filter() {
    static const Sha1Filter& best = sha1_filters().front();
    return best;
}

// At most blocks_at_once. `known`: of the first lane, and of those that have the same blocks.
template <std::size_t lanes>
void take_run(Sha1Lanes<lanes>& all, std::size_t count, const std::uint32_t* known) {
    std::uint32_t found[lanes][blocks_at_once];
    std::array<const std::uint32_t*, lanes> masks;
    for (std::size_t i = 0; i < lanes; ++i) {
        masks[i] = i == 0 ? known : masks[0];
        if (masks[i] && all[i].blocks == all[0].blocks) continue;
        best_filter().masks(all[i].blocks, count, found[i]);
        masks[i] = found[i];
    }
    const Sha1Lanes<lanes> first = all;
    std::array<Sha1State, lanes> start;
    for (std::size_t i = 0; i < lanes; ++i) start[i] = all[i].state();

    Suspects suspects;
    std::size_t done = 0;
    for (std::size_t at = 0; at < count; ++at) {
        std::uint32_t any = 0;
        for (std::size_t i = 0; i < lanes; ++i) any |= masks[i][at];
        if (any == 0) continue;
        compress(all, at - done);
        std::array<Sha1State, lanes> before;
        for (std::size_t i = 0; i < lanes; ++i) before[i] = all[i].state();
        const Sha1Lanes<lanes> blocks = all;
        compress(all, 1);
        for (std::size_t i = 0; i < lanes; ++i)
            suspects.add({before[i], all[i].state()}, blocks[i].blocks, masks[i][at]);
        done = at + 1;
    }
    compress(all, count - done);

    if (!suspects.settle()) return;
    for (std::size_t i = 0; i < lanes; ++i) {
        first[i].state() = start[i];
        leave_sha1({first[i]}, count, masks[i]);
    }
}

// Whose masks are known: all lanes have the same blocks then.
template <std::size_t lanes>
void take_blocks(Sha1Lanes<lanes> all, std::size_t count, Sha1Masks masks = {}) {
    if constexpr (lanes == 1)
        if (!all[0].searches()) return compress(all, count);
    const bool known = count > 0 && masks.size() >= count;
    for (std::size_t done = 0; done < count; done += blocks_at_once)
        take_run(all, std::min(count - done, blocks_at_once), known ? &masks[done] : nullptr);
}

void store_big_endian(std::uint64_t value, std::size_t size, std::uint8_t* to) {
    for (std::size_t i = 0; i < size; ++i)
        to[i] = static_cast<std::uint8_t>(value >> 8 * (size - 1 - i));
}

template <class Id>
Id state_as(const Sha1State& state) {
    Id id;
    for (std::size_t i = 0; i < state.size(); ++i) store_big_endian(state[i], 4, id.data() + 4 * i);
    return id;
}

}  // namespace

void find_sha1_masks(ByteView bytes, std::vector<std::uint32_t>& masks) {
    masks.resize(bytes.size() / sha1_block_bytes);
    if (!masks.empty()) best_filter().masks(bytes.data(), masks.size(), masks.data());
}

Sha1Masks masks_from(Sha1Masks masks, std::size_t offset_bytes) {
    const std::size_t blocks = offset_bytes / sha1_block_bytes;
    if (offset_bytes % sha1_block_bytes != 0 || blocks > masks.size()) return {};
    return masks.subspan(blocks);
}

Sha1Hasher::Sha1Hasher() : state_{0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0} {}

Sha1Hasher::Sha1Hasher(const Sha1Link& link, std::uint64_t done_bytes, Search search)
    : size_bytes_(done_bytes), search_(search) {
    assert(done_bytes % sha1_block_bytes == 0);
    for (std::size_t i = 0; i < Sha1Link::size_bytes; ++i)
        state_[i / 4] = state_[i / 4] << 8 | link.data()[i];
}

void Sha1Hasher::update(ByteView bytes, Sha1Masks masks) {
    if (bytes.empty()) return;
    const std::size_t rest = rest_bytes();
    size_bytes_ += bytes.size();
    if (rest > 0) {
        const std::size_t size = std::min(rest_.size() - rest, bytes.size());
        std::memcpy(rest_.data() + rest, bytes.data(), size);
        if (rest + size < rest_.size()) return;
        take_blocks<1>({{{*this, rest_.data()}}}, 1);
        bytes = bytes.subspan(size);
        masks = masks_from(masks, size);
    }
    take_blocks<1>({{{*this, bytes.data()}}}, bytes.size() / sha1_block_bytes, masks);
    if (const std::size_t left = rest_bytes(); left > 0)
        std::memcpy(rest_.data(), bytes.last(left).data(), left);
}

void Sha1Hasher::update_two(Sha1Hasher& a, ByteView bytes_a, Sha1Hasher& b, ByteView bytes_b) {
    if (a.rest_bytes() == 0 && b.rest_bytes() == 0) {
        const std::size_t count = std::min(bytes_a.size(), bytes_b.size()) / sha1_block_bytes;
        const std::size_t size = count * sha1_block_bytes;
        take_blocks<2>({{{a, bytes_a.data()}, {b, bytes_b.data()}}}, count);
        a.size_bytes_ += size;
        b.size_bytes_ += size;
        bytes_a = bytes_a.subspan(size);
        bytes_b = bytes_b.subspan(size);
    }
    a.update(bytes_a);
    b.update(bytes_b);
}

void Sha1Hasher::update_three(Sha1Hasher& a, Sha1Hasher& b, Sha1Hasher& c, ByteView bytes,
                              Sha1Masks masks) {
    if (a.rest_bytes() == 0 && b.rest_bytes() == 0 && c.rest_bytes() == 0) {
        const std::size_t count = bytes.size() / sha1_block_bytes;
        const std::size_t size = count * sha1_block_bytes;
        take_blocks<3>({{{a, bytes.data()}, {b, bytes.data()}, {c, bytes.data()}}}, count, masks);
        for (Sha1Hasher* each : {&a, &b, &c}) each->size_bytes_ += size;
        bytes = bytes.subspan(size);
        masks = masks_from(masks, size);
    }
    for (Sha1Hasher* each : {&a, &b, &c}) each->update(bytes, masks);
}

Sha1Link Sha1Hasher::link() const {
    assert(rest_bytes() == 0);
    return state_as<Sha1Link>(state_);
}

Sha1 Sha1Hasher::finish() {
    const std::uint64_t size_bits = size_bytes_ * 8;
    constexpr std::size_t length_bytes = 8;
    std::array<std::uint8_t, 2 * sha1_block_bytes> end{0x80};
    const std::size_t rest = rest_bytes();
    // Padding alone is no part of an attack: it is the same in all contents of this size.
    if (rest == 0) search_ = Search::nothing;
    const std::size_t until = rest + 1 + length_bytes <= sha1_block_bytes ? 1 : 2;
    const std::size_t size = until * sha1_block_bytes - rest;
    store_big_endian(size_bits, length_bytes, end.data() + size - length_bytes);
    update(ByteView(end).first(size));
    return state_as<Sha1>(state_);
}

Sha1 sha1_of(ByteView bytes) {
    Sha1Hasher hasher;
    hasher.update(bytes);
    return hasher.finish();
}

std::optional<Sha1> sha1_to_name(ByteView bytes) {
    Sha1Hasher hasher;
    hasher.update(bytes);
    const Sha1 sha1 = hasher.finish();
    if (hasher.collided()) return std::nullopt;
    return sha1;
}

}  // namespace kp2p::proto
