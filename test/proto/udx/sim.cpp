#include "test/proto/udx/sim.hpp"

#include <sodium.h>

#include <algorithm>
#include <cstring>
#include <map>

namespace kp2p::test {
namespace {

// What a side writes: the same noise over and over, so long that no byte can take the place of
// another that is under way.
constexpr std::size_t ip_udp_bytes = 28;
constexpr std::uint64_t period_bytes = 8'000'009;

const ByteVector& content(std::uint8_t seed) {
    static std::map<std::uint8_t, ByteVector> made;
    ByteVector& bytes = made[seed];
    if (!bytes.empty()) return bytes;
    bytes.resize(period_bytes);
    const std::uint8_t seed_bytes[randombytes_SEEDBYTES] = {seed};
    randombytes_buf_deterministic(bytes.data(), bytes.size(), seed_bytes);
    return bytes;
}

// From `offset` on, at most `most`; less at the end of the period.
ByteView content_at(std::uint8_t seed, std::uint64_t offset, std::size_t most) {
    const ByteView rest = ByteView(content(seed)).subspan(offset % period_bytes);
    return rest.first(std::min(most, rest.size()));
}

}  // namespace

Sim::Sim(const LinkOptions& link, std::uint64_t seed, const proto::udx::StreamOptions& options)
    : link_(link), state_(seed), a_(1, options), b_(2, options) {
    sides_[0].seed = 11;
    sides_[1].seed = 22;
    a_.connect(now_, {.id = 2});
    b_.connect(now_, {.id = 1});
}

std::uint64_t Sim::random() {  // splitmix64
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

bool Sim::chance(double probability) {
    return static_cast<double>(random() >> 11) * 0x1p-53 < probability;
}

void Sim::try_remote(int side, int address) {
    Stream& s = stream(side);
    remotes_[side][s.try_remote(now_, {.id = s.remote_id()})] = address;
}

void Sim::forge(int to, int from_address, ByteView datagram) {
    ByteVector bytes(datagram.begin(), datagram.end());
    events_.emplace(now_, Event{to, from_address, address_[to], std::move(bytes)});
}

unsigned Sim::path_from(int side, int address) {
    Stream& s = stream(side);
    if (remotes_[side][s.path()] == address) return s.path();
    for (unsigned i = 0; i < Stream::max_paths; ++i)
        if (remotes_[side][i] == address) return i;
    const unsigned path = s.discover({.id = s.remote_id()});
    remotes_[side][path] = address;
    return path;
}

void Sim::arrive(const Event& event) {
    if (address_[event.to] != event.to_address && second_[event.to] != event.to_address) {
        into_void_[event.to_address] += event.bytes.size();
        return;
    }
    Stream& s = stream(event.to);
    if (const auto word = s.last_word()) send(event.to, s.path(), *word);
    s.receive(now_, *proto::udx::parse_packet(event.bytes),
              path_from(event.to, event.from_address));
}

void Sim::send(int from, unsigned path, ByteView datagram, bool in_fragments) {
    ++datagrams_;
    ++effort_[from].datagrams;
    const std::size_t wire_bytes = datagram.size() + ip_udp_bytes;
    effort_[from].bytes += wire_bytes;
    for (std::uint8_t byte : datagram.first(20)) trace_ = (trace_ ^ byte) * 0x100000001b3;
    trace_ ^= static_cast<std::uint64_t>(now_.time_since_epoch().count());
    if (wire_bytes > link_.mtu_bytes && !(in_fragments && link_.fragments)) return;
    Time& free = link_free_[from];
    free = std::max(free, now_);
    const std::chrono::duration<double> waits = free - now_;
    if (waits.count() * link_.bytes_per_second > static_cast<double>(link_.queue_bytes)) return;
    free += std::chrono::duration_cast<Span>(
        std::chrono::duration<double>(static_cast<double>(wire_bytes) / link_.bytes_per_second));
    if (chance(link_.loss)) return;
    const int copies = chance(link_.repeat) ? 2 : 1;
    for (int i = 0; i < copies; ++i) {
        Time at = free + link_.delay;
        if (chance(link_.reorder) || i > 0)
            at += Span(static_cast<Span::rep>(random() % std::uint64_t(link_.jitter.count() + 1)));
        events_.emplace(at, Event{1 - from, address_[from], remotes_[from][path],
                                  ByteVector(datagram.begin(), datagram.end())});
    }
}

void Sim::send_burst(int from, const proto::udx::Burst& burst) {
    burst_.clear();
    for (const ByteView piece : burst.pieces)
        burst_.insert(burst_.end(), piece.begin(), piece.end());
    for (ByteView rest = burst_; !rest.empty();) {
        const std::size_t size = std::min(burst.segment_bytes, rest.size());
        send(from, burst.path, rest.first(size), burst.oversized);
        rest = rest.subspan(size);
    }
}

bool Sim::write(int index) {
    Side& side = sides_[index];
    if (side.written == side.to_write || !stream(index).writable()) return false;
    const std::size_t most = std::min<std::uint64_t>(side.to_write - side.written, 30'000);
    const ByteView bytes = content_at(side.seed, side.written, most);
    stream(index).write(now_, bytes);
    side.written += bytes.size();
    return true;
}

bool Sim::read(int index) {
    Side& side = sides_[index];
    side.most_unread = std::max(side.most_unread, stream(index).readable_bytes());
    if (!side.reads) return false;
    const std::size_t size = stream(index).read(read_buffer_);
    for (ByteView rest = ByteView(read_buffer_).first(size); !rest.empty();) {
        const ByteView written = content_at(sides_[1 - index].seed, side.read, rest.size());
        side.right = side.right && std::memcmp(rest.data(), written.data(), written.size()) == 0;
        side.read += written.size();
        rest = rest.subspan(written.size());
    }
    if (size == 0 && stream(index).remote_ended() && !side.done_at) side.done_at = now_;
    return size > 0;
}

void Sim::step(int index) {
    Side& side = sides_[index];
    Stream& s = stream(index);
    for (bool more = true; more;) {
        more = false;
        while (write(index)) more = true;
        while (read(index)) more = true;
        if (side.written == side.to_write && side.ends) s.end(now_);
        while (const auto burst = s.next_burst(now_)) {
            more = true;
            send_burst(index, *burst);
        }
    }
}

bool Sim::finished() const {
    using proto::udx::Closed;
    return a_.closed() != Closed::no && b_.closed() != Closed::no;
}

void Sim::run(Span limit) {
    const Time end = now_ + limit;
    step(0);
    step(1);
    while (!finished()) {
        Time next = Time::max();
        if (!events_.empty()) next = events_.begin()->first;
        if (!actions_.empty()) next = std::min(next, actions_.begin()->first);
        for (Stream* s : {&a_, &b_})
            if (const auto deadline = s->deadline()) next = std::min(next, *deadline);
        if (next > end) {
            now_ = end;
            return;
        }
        now_ = std::max(now_, next);
        bool touched[2] = {false, false};
        while (!actions_.empty() && actions_.begin()->first <= now_) {
            actions_.begin()->second();
            actions_.erase(actions_.begin());
            touched[0] = touched[1] = true;
        }
        while (!events_.empty() && events_.begin()->first <= now_) {
            const auto next_event = events_.extract(events_.begin());
            const Event& event = next_event.mapped();
            arrive(event);
            touched[event.to] = true;
        }
        for (int i : {0, 1}) {
            const auto deadline = stream(i).deadline();
            if (deadline && *deadline <= now_) {
                stream(i).expire(now_);
                touched[i] = true;
            }
            if (!touched[i]) continue;
            ++effort_[i].wakes;
            step(i);
        }
    }
}

}  // namespace kp2p::test
