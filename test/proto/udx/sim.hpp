// Two streams over a link that delays, loses, reorders and repeats datagrams, in virtual time. All
// chance comes from one seed, so a run repeats exactly.
#pragma once

#include <optional>
#include <queue>

#include "proto/udx/stream.hpp"

namespace kp2p::test {

using proto::udx::Span;
using proto::udx::Stream;
using proto::udx::Time;

struct LinkOptions {
    double loss = 0, repeat = 0, reorder = 0;  // of each datagram, as a probability
    Span delay = std::chrono::milliseconds(10);
    Span jitter = std::chrono::milliseconds(5);  // more delay for those that are reordered
    double bytes_per_second = 20e6;
    std::size_t queue_bytes = 200'000;  // what waits for the link; more is lost
    std::size_t mtu_bytes = 1500;       // larger packets are lost
};

class Sim {
  public:
    struct Side {
        std::uint64_t to_write = 0, written = 0, read = 0;
        std::uint64_t seed = 0;
        bool reads = true, ends = true;
        bool right = true;  // every byte read was the one written
        std::size_t most_unread = 0;
        std::optional<Time> done_at;  // everything was read, to the end
    };

    Sim(const LinkOptions& link, std::uint64_t seed,
        const proto::udx::StreamOptions& options = proto::udx::StreamOptions());

    // Runs until both streams are closed or nothing is left to happen, at most until `limit`.
    void run(Span limit);
    // Stops carrying anything.
    void cut() { link_.loss = 1; }

    Stream& stream(int side) { return side == 0 ? a_ : b_; }
    Side& side(int side) { return sides_[side]; }
    Time now() const { return now_; }
    Span elapsed() const { return now_ - start(); }
    std::uint64_t trace() const { return trace_; }  // a hash over all that happened
    std::uint64_t datagrams() const { return datagrams_; }
    static Time start() { return Time(std::chrono::hours(1)); }

  private:
    struct Event {
        Time at;
        std::uint64_t number;
        int to;
        ByteVector bytes;
        bool operator>(const Event& other) const {
            return at != other.at ? at > other.at : number > other.number;
        }
    };

    std::uint64_t random();
    bool chance(double probability);
    void send(int from, ByteView datagram);
    void step(int side);
    bool write(int side);
    bool read(int side);
    bool finished() const;

    LinkOptions link_;
    std::uint64_t state_;
    Stream a_, b_;
    Side sides_[2];
    Time now_ = start();
    Time link_free_[2] = {start(), start()};
    std::priority_queue<Event, std::vector<Event>, std::greater<>> events_;
    std::uint64_t events_made_ = 0, datagrams_ = 0;
    std::uint64_t trace_ = 0xcbf29ce484222325;
};

}  // namespace kp2p::test
