// Source: one provider of a download: what it offers, what it was asked for, how fast it gives.
// A part of Download; keeps no rules of its own but those of pacing.
#pragma once

#include <algorithm>
#include <chrono>
#include <map>
#include <optional>

#include "proto/transfer/chunk_check.hpp"

namespace kp2p::proto {

struct Offer {  // what `opened` says
    std::uint64_t size_bytes = 0;
    std::optional<ByteVector> have;  // absent: complete
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

    explicit Source(Offer offer) : offer_(std::move(offer)) {}

    const Offer& offer() const { return offer_; }
    bool has(ChunkIndex index) const;
    void learn(ChunkIndex index);
    void retire() { retired_ = true; }
    bool retired() const { return retired_; }  // it is asked for nothing more

    std::map<ChunkIndex, Receiving>& receiving() { return receiving_; }
    const std::map<ChunkIndex, Receiving>& receiving() const { return receiving_; }
    void ask(Time now, ChunkIndex index);
    // Counts plain bytes that came.
    void received(Time now, std::uint64_t bytes);
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
    Offer offer_;
    std::map<ChunkIndex, Receiving> receiving_;
    bool retired_ = false;
    Time active_{}, heard_{}, sample_start_{};
    std::uint64_t sample_bytes_ = 0, given_bytes_ = 0;
    double bytes_per_second_ = 0;
};

}  // namespace kp2p::proto
