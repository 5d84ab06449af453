// A download and its providers in virtual time: what each provider does is a row of data, every
// delay comes from one seed.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <queue>
#include <random>
#include <set>

#include "proto/file/links.hpp"
#include "proto/transfer/download.hpp"
#include "proto/transfer/piece.hpp"

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
    short_piece,  // sends pieces that are too short
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
};

class DownloadSim {
  public:
    using Time = proto::Download::Time;

    DownloadSim(const SimFile& file, std::vector<SimProvider> providers, std::uint32_t seed);
    // Until it is complete, or no provider is left, or an hour has passed.
    void run();
    // What an earlier run has kept.
    void resume(const std::set<std::uint64_t>& kept);

    proto::Download download;
    double keeping_s = 0.01;                   // what keeping a chunk takes at most
    std::map<std::uint64_t, ByteVector> kept;  // by chunk
    std::map<proto::SourceKey, proto::Fault> dropped;
    std::set<proto::SourceKey> stalled;
    std::map<proto::SourceKey, std::uint64_t> given;  // chunks whole, by source
    std::size_t asked = 0;
    std::size_t most_asked = 0;  // outstanding at once, over all
    double seconds() const { return std::chrono::duration<double>(now_ - Time{}).count(); }
    bool right() const;  // all that was kept is the file's

  private:
    struct Sender {
        std::deque<std::uint64_t> gets;
        std::vector<std::uint64_t> stopped;
        std::uint64_t offset = 0;
        bool busy = false;
        bool gone = false;
    };
    // One that was let go of comes back under another key.
    const SimProvider& provider(proto::SourceKey key) const {
        return providers_[(key - 1) % providers_.size()];
    }
    void at(double delay_s, std::function<void()> action);
    void drain();
    void join(proto::SourceKey key);
    void say_stopped(proto::SourceKey key);
    void send_piece(proto::SourceKey key);
    void deliver(proto::SourceKey key, proto::Data data, ByteView bytes);
    void call_off(proto::SourceKey key, std::uint64_t index);

    struct Due {
        Time time;
        std::uint64_t order;
        std::function<void()> action;
        bool operator<(const Due& other) const {
            return std::tie(other.time, other.order) < std::tie(time, order);
        }
    };

    const SimFile& file_;
    std::vector<SimProvider> providers_;
    std::map<proto::SourceKey, Sender> senders_;
    std::mt19937 random_;
    std::priority_queue<Due> due_;
    std::uint64_t order_ = 0;
    std::size_t joined_ = 0;
    Time now_{};
};

}  // namespace kp2p::test
