// Two streams over a link that delays, loses, reorders and repeats datagrams, in virtual time. All
// chance comes from one seed, so a run repeats exactly. Each side has one address at a time: 10 and
// 20 at first.
#pragma once

#include <functional>
#include <map>
#include <optional>

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
    std::size_t mtu_bytes = 1500;       // larger packets are lost, or cut up where they may be
    bool fragments = true;              // arrive
};

class Sim {
  public:
    struct Side {
        std::uint64_t to_write = 0, written = 0, read = 0;
        std::uint8_t seed = 0;
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
    void narrow(std::size_t mtu_bytes, bool fragments = true) {
        link_.mtu_bytes = mtu_bytes;
        link_.fragments = fragments;
    }
    // The side is elsewhere from now on: it sends from there, and hears nothing where it was.
    void roam(int side, int address) { address_[side] = second_[side] = address; }
    // It also hears at this address.
    void allow(int side, int address, bool allowed) { second_[side] = allowed ? address : 0; }
    // What happens then, and how the other's paths look at it.
    void at(Time time, std::function<void()> action) { actions_.emplace(time, std::move(action)); }
    int remote_of(int side) { return remotes_[side][stream(side).path()]; }
    void try_remote(int side, int address);
    // Puts a datagram on the way to a side, as from an address.
    void forge(int to, int from_address, ByteView datagram);
    // What was sent to an address where nobody is.
    std::uint64_t bytes_into_void(int address) { return into_void_[address]; }

    Stream& stream(int side) { return side == 0 ? a_ : b_; }
    Side& side(int side) { return sides_[side]; }
    Time now() const { return now_; }
    Span elapsed() const { return now_ - start(); }
    std::uint64_t trace() const { return trace_; }  // a hash over all that happened
    std::uint64_t datagrams() const { return datagrams_; }
    struct Effort {
        std::uint64_t datagrams = 0, bytes = 0;  // sent; bytes with the headers below them
        std::uint64_t wakes = 0;                 // for a timer or datagrams
        Effort operator-(const Effort& other) const {
            return {datagrams - other.datagrams, bytes - other.bytes, wakes - other.wakes};
        }
    };
    const Effort& effort(int side) const { return effort_[side]; }
    static Time start() { return Time(std::chrono::hours(1)); }

  private:
    struct Event {
        int to, from_address, to_address;
        ByteVector bytes;
    };

    std::uint64_t random();
    bool chance(double probability);
    void send(int from, unsigned path, ByteView datagram, bool in_fragments = false);
    void send_burst(int from, const proto::udx::Burst& burst);
    unsigned path_from(int side, int address);
    void arrive(const Event& event);
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
    std::multimap<Time, Event> events_;
    ByteVector read_buffer_ = ByteVector(100'000), burst_;
    int address_[2] = {10, 20}, second_[2] = {10, 20};
    int remotes_[2][Stream::max_paths] = {{20}, {10}};  // where each path leads
    std::multimap<Time, std::function<void()>> actions_;
    std::map<int, std::uint64_t> into_void_;
    std::uint64_t datagrams_ = 0;
    Effort effort_[2];
    std::uint64_t trace_ = 0xcbf29ce484222325;
};

}  // namespace kp2p::test
