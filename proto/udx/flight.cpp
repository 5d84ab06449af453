#include "proto/udx/flight.hpp"

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

SentPacket& Flight::push() {
    if (next_ - unacked_ == ring_.size()) grow();
    SentPacket& packet = at(next_);
    packet = SentPacket();
    packet.seq = next_++;
    link(flying_, packet);
    return packet;
}

Flight::List& Flight::list_of(const SentPacket& packet) {
    assert(packet.state != SentPacket::State::done);
    return packet.state == SentPacket::State::lost ? lost_ : flying_;
}

void Flight::link(List& list, SentPacket& packet) {
    packet.before = list.last;
    packet.after = none;
    if (list.last == none) {
        list.first = packet.seq;
    } else {
        at(list.last).after = packet.seq;
    }
    list.last = packet.seq;
    ++list.count;
}

void Flight::unlink(List& list, SentPacket& packet) {
    if (packet.before == none) {
        list.first = packet.after;
    } else {
        at(packet.before).after = packet.after;
    }
    if (packet.after == none) {
        list.last = packet.before;
    } else {
        at(packet.after).before = packet.before;
    }
    --list.count;
}

void Flight::resend(SentPacket& packet) {
    unlink(list_of(packet), packet);
    packet.state = SentPacket::State::in_flight;
    packet.retransmitted = true;
    link(flying_, packet);
}

void Flight::lose(SentPacket& packet) {
    unlink(flying_, packet);
    packet.state = SentPacket::State::lost;
    if (lost_.first == none || packet.seq > lost_.first) return link(lost_, packet);
    packet.before = none;
    packet.after = lost_.first;
    at(lost_.first).before = packet.seq;
    lost_.first = packet.seq;
    ++lost_.count;
}

void Flight::finish(SentPacket& packet) {
    unlink(list_of(packet), packet);
    packet.state = SentPacket::State::done;
    ++done_;
}

void Flight::advance(std::uint64_t seq) {
    assert(seq >= unacked_ && seq <= next_);
    done_ -= static_cast<std::size_t>(seq - unacked_);
    unacked_ = seq;
    if (empty() && ring_.size() > initial_ring * 32) {  // idle streams hold little
        ring_ = std::vector<SentPacket>(initial_ring);
        mask_ = initial_ring - 1;
    }
}

}  // namespace kp2p::proto::udx
