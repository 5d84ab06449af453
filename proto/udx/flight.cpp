#include "proto/udx/flight.hpp"

#include <algorithm>
#include <cassert>

namespace kp2p::proto::udx {
namespace {

constexpr std::size_t initial_ring = 32;

}  // namespace

Flight::Flight(std::uint64_t first_seq)
    : ring_(initial_ring), mask_(initial_ring - 1), unacked_(first_seq), next_(first_seq) {}

void Flight::grow() {
    std::vector<SentPacket> wider(ring_.size() * 2);
    const std::uint64_t mask = wider.size() - 1;
    for (std::uint64_t seq = unacked_; seq != next_; ++seq) wider[seq & mask] = ring_[seq & mask_];
    ring_ = std::move(wider);
    mask_ = mask;
}

SentPacket& Flight::append(unsigned path) {
    if (next_ - unacked_ == ring_.size()) grow();
    SentPacket& packet = at(next_);
    packet = SentPacket();
    packet.seq = next_++;
    packet.path = path;
    most_ = std::max<std::size_t>(most_, next_ - unacked_);
    return packet;
}

SentPacket& Flight::push(unsigned path) {
    SentPacket& packet = append(path);
    link(packet);
    return packet;
}

SentPacket& Flight::push_held(unsigned path) {
    SentPacket& packet = append(path);
    packet.state = SentPacket::State::held;
    return packet;
}

void Flight::link(SentPacket& packet) {
    packet.before = last_;
    packet.after = none;
    (last_ == none ? first_ : at(last_).after) = packet.seq;
    last_ = packet.seq;
    ++in_flight_;
    ++in_flight_on_[packet.path];
}

void Flight::unlink(SentPacket& packet) {
    (packet.before == none ? first_ : at(packet.before).after) = packet.after;
    (packet.after == none ? last_ : at(packet.after).before) = packet.before;
    --in_flight_;
    --in_flight_on_[packet.path];
}

void Flight::leave(SentPacket& packet) {
    assert(packet.state != SentPacket::State::done);
    if (packet.state == SentPacket::State::lost) {
        lost_.erase(packet.seq);
    } else if (packet.state == SentPacket::State::in_flight) {
        unlink(packet);
    }
}

void Flight::resend(SentPacket& packet) {
    leave(packet);
    packet.state = SentPacket::State::in_flight;
    packet.retransmitted = true;
    link(packet);
}

void Flight::lose(SentPacket& packet) {
    leave(packet);
    packet.state = SentPacket::State::lost;
    lost_.insert(packet.seq);
}

void Flight::reroute(SentPacket& packet, unsigned path) {
    const bool in_flight = packet.state == SentPacket::State::in_flight;
    if (in_flight) --in_flight_on_[packet.path];
    packet.path = path;
    packet.sent_there = false;
    packet.probe_mtu_bytes = 0;
    if (in_flight) ++in_flight_on_[path];
}

void Flight::finish(SentPacket& packet) {
    leave(packet);
    packet.state = SentPacket::State::done;
    ++done_;
}

void Flight::advance(std::uint64_t seq) {
    assert(seq >= unacked_ && seq <= next_);
    done_ -= static_cast<std::size_t>(seq - unacked_);
    unacked_ = seq;
    if (!empty()) return;
    if (ring_.size() > initial_ring && ring_.size() > 4 * most_) {  // it needs less than it did
        ring_ = std::vector<SentPacket>(ring_.size() / 2);
        mask_ = ring_.size() - 1;
    }
    most_ = 0;
}

}  // namespace kp2p::proto::udx
