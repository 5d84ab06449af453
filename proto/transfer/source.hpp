// Source: one provider of a download: what it offers, what it was asked for, what came of that, and
// how fast it gives. A part of Download and of RangeDownload; keeps no rules of its own but those
// of pacing, and of the order in which blocks come.
#pragma once

#include <algorithm>
#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "proto/transfer/chunk_check.hpp"

namespace kp2p::proto {

using SourceKey = std::uint32_t;  // names a source within one download

// Whether so many bytes may be asked of a source now. One that refuses is asked again at the latest
// when the download is told that it is time.
using MayAsk = std::function<bool(SourceKey, std::uint64_t bytes)>;

// What a download asks before it asks for anything, and how often that has refused.
class Permission {
  public:
    void ask_if(MayAsk may_ask) { may_ask_ = std::move(may_ask); }
    void begin() { refused_ = 0; }  // another round of asking
    bool operator()(SourceKey key, std::uint64_t bytes) {
        if (!may_ask_ || may_ask_(key, bytes)) return true;
        ++refused_;
        return false;
    }
    std::size_t refused() const { return refused_; }  // in this round

  private:
    MayAsk may_ask_;  // null: everything may be
    std::size_t refused_ = 0;
};

enum class Fault {
    wrong_chunk,  // its bytes, or its link, are not those of the file
    collision,    // its bytes are part of an attack on SHA-1
    wrong_size,   // it claims another size than the one that is proven
    bad_message,  // blocks out of order, of wrong length, or never asked for
};

// Tells nodes apart, and is the same to all of them.
inline std::uint64_t number_of(const NodeId& node) {
    std::uint64_t number = 0;
    for (const std::uint8_t byte : node.view().first<sizeof number>()) number = number << 8 | byte;
    return number;
}

struct Offer {  // what `opened` says
    std::uint64_t size_bytes = 0;
    std::optional<ByteVector> have;  // absent: complete
    bool slices = false;             // it gives them, too
    bool last_follows = false;       // it gives the last chunk unasked
    std::uint64_t node = 0;          // its number_of()
};

class Source {
  public:
    using Time = std::chrono::steady_clock::time_point;

    struct Receiving {
        bool canceling = false;
        std::uint64_t received_bytes = 0;  // plain
        ChunkCheck chunk;
    };

    static constexpr std::size_t min_depth = 2;
    static constexpr std::size_t max_depth = 16;
    static constexpr std::size_t max_unproven = 64;
    // Of which nothing comes for so long is let go of. At a link of 64 kbit/s a block takes 8 s,
    // and the one before it on the way as long.
    static constexpr std::chrono::seconds stall_span{20};

    Source(Time now, Offer offer) : offer_(std::move(offer)), learned_(now) {}

    const Offer& offer() const { return offer_; }
    bool has(ChunkIndex index) const { return has_proven(index) || unproven_.contains(index); }
    bool has_proven(ChunkIndex index) const;
    void learn(Time now, ChunkIndex index);
    Time learned() const { return learned_; }  // when it last had a chunk more, or was opened
    // It has a chunk of which it cannot tell yet whether it is right. Heeded until one was not,
    // and max_unproven at a time.
    void learn_unproven(Time now, ChunkIndex index);
    void distrust();
    bool trusted() const { return trusted_; }
    void retire() { retired_ = true; }
    bool retired() const { return retired_; }  // it is asked for nothing more

    const std::map<ChunkIndex, Receiving>& receiving() const { return receiving_; }
    void ask(Time now, ChunkIndex index);
    // A block came, whose bytes lie in `payload`: the chunk if this was its last one, nothing if
    // more are to come or it was called off. An error: this block must not come now.
    Result<std::optional<ChunkCheck>> receive(Time now, const Data& data, Payload payload);
    // It will send no more of what was called off. An error: that was not.
    Result<void> canceled(Time now, ChunkIndex index);
    // Nothing more of what was asked for is wanted, only that it says so.
    void call_off(ChunkIndex index);
    // Something came at that time, though not of this file.
    void heard(Time at) { heard_ = std::max(heard_, at); }
    std::uint64_t given_bytes() const { return given_bytes_; }

    // How many chunks are asked for and not called off.
    std::size_t outstanding() const;
    // How many should be, at this rate: about a second's worth, so that a link is full whatever
    // its latency.
    static std::size_t depth(double bytes_per_second);
    // When `index`, asked for or not, would be here if asked for now and given at this rate. Grows
    // while nothing comes.
    std::chrono::duration<double> expected(Time now, ChunkIndex index,
                                           double bytes_per_second) const;
    double bytes_per_second() const { return bytes_per_second_; }  // 0: not known yet
    // The last moment at which something came, of whatever file, or at which asking began.
    Time active() const { return std::max(active_, heard_); }

  private:
    void received(Time now, std::uint64_t bytes);

    Offer offer_;
    std::map<ChunkIndex, Receiving> receiving_;
    std::set<ChunkIndex> unproven_;
    bool retired_ = false, trusted_ = true;
    Time learned_, active_{}, heard_{}, sample_start_{};
    std::uint64_t sample_bytes_ = 0, given_bytes_ = 0;
    double bytes_per_second_ = 0;
};

}  // namespace kp2p::proto
