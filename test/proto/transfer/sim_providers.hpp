// The providers of a file in virtual time: what each does is a row of data, every delay comes from
// one seed.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <queue>
#include <random>

#include "proto/file/links.hpp"
#include "proto/transfer/block.hpp"
#include "proto/transfer/source.hpp"

namespace kp2p::test {

struct SimFile {
    ByteVector bytes;
    Sha1 sha1;
    std::vector<Sha1Link> links;

    SimFile(std::uint64_t size_bytes, std::uint32_t seed);
    ByteView chunk(std::uint64_t index) const;
};

enum class Lie {
    none,
    byte,         // alters one byte of the chunk `at`
    link,         // sends a wrong link with the chunk `at`
    size,         // claims one MiB more
    size_less,    // claims one byte less
    no_size,      // claims an empty file
    stall,        // sends nothing any more from the chunk `at` on
    silence,      // never sends anything, cancellations included
    offset,       // sends a wrong offset in the chunk `at`
    short_block,  // sends blocks that are too short
    frame,        // sends broken zstd frames
    unasked,      // sends chunks nobody asked for
    bad_have,     // offers a bitfield of a wrong length
};

struct SimProvider {
    Lie lie = Lie::none;
    std::uint64_t at = 0;
    double bytes_per_second = 50e6;
    std::optional<ByteVector> have = {};
    double joins_s = 0, leaves_s = 1e9;   // in virtual seconds
    double silent_s = 1e9, back_s = 1e9;  // sends nothing from then to then
    bool last_follows = false;            // gives the last chunk unasked, and says so
};

class SimProviders {
  public:
    using Time = proto::Source::Time;
    using Receive = std::function<void(proto::SourceKey, const proto::Data&, ByteVector payload)>;
    using Canceled = std::function<void(proto::SourceKey, proto::ChunkIndex)>;

    SimProviders(const SimFile& file, std::vector<SimProvider> rows, std::uint32_t seed)
        : file_(file), rows_(std::move(rows)), random_(seed) {}

    Receive receive;  // what they send
    Canceled canceled;
    std::map<proto::SourceKey, std::uint64_t> given;  // chunks whole, by source
    std::size_t asked = 0;
    std::size_t most_asked = 0;  // outstanding at once, over all

    // Sources are numbered from 1. One that was let go of comes back under another number.
    std::size_t count() const { return rows_.size(); }
    const SimProvider& row(proto::SourceKey key) const { return rows_[(key - 1) % rows_.size()]; }
    proto::Offer offer(proto::SourceKey key) const;
    void ask(proto::SourceKey key, proto::ChunkIndex index);
    void call_off(proto::SourceKey key, proto::ChunkIndex index);
    void leave(proto::SourceKey key) { senders_[key].gone = true; }

    Time now() const { return now_; }
    double seconds() const { return std::chrono::duration<double>(now_ - Time{}).count(); }
    double random(double from, double to) {
        return std::uniform_real_distribution<>(from, to)(random_);
    }
    void at(double delay_s, std::function<void()> action);
    // Goes on to what comes next; false: nothing does before `deadline`, if there is one, and it is
    // that time now.
    bool step(std::optional<Time> deadline);
    bool idle() const { return due_.empty(); }

  private:
    struct Sender {
        std::deque<std::uint64_t> gets;
        std::vector<std::uint64_t> stopped;
        std::uint64_t offset = 0;
        bool busy = false;
        bool gone = false;
    };
    void say_stopped(proto::SourceKey key);
    void send_block(proto::SourceKey key);
    void deliver(proto::SourceKey key, proto::Data data, ByteView bytes);

    struct Due {
        Time time;
        std::uint64_t order;
        std::function<void()> action;
        bool operator<(const Due& other) const {
            return std::tie(other.time, other.order) < std::tie(time, order);
        }
    };

    const SimFile& file_;
    std::vector<SimProvider> rows_;
    std::map<proto::SourceKey, Sender> senders_;
    std::mt19937 random_;
    std::priority_queue<Due> due_;
    std::uint64_t order_ = 0;
    Time now_{};
};

}  // namespace kp2p::test
