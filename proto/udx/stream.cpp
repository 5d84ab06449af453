#include "proto/udx/stream.hpp"

#include <algorithm>
#include <cassert>

namespace kp2p::proto::udx {
namespace {

constexpr std::size_t min_queue_bytes = 16384, max_queue_bytes = 262144;
constexpr std::chrono::milliseconds queue_span{100};
// What the peer has out of order must be kept as well, since it may throw it away: two round trips'
// worth, or three, where packets are lost that were sent again.
constexpr std::size_t max_kept_bytes = 16 << 20;

}  // namespace

Stream::Stream(std::uint32_t id, const StreamOptions& options)
    : id_(id),
      options_(options),
      in_(widen_first(options.remote_first_seq), options.receive_window_bytes),
      flight_(widen_first(options.first_seq)),
      peer_window_(widen_first(options.remote_first_seq), widen_first(options.first_seq)),
      announced_window_bytes_(options.receive_window_bytes) {
    paths_[0] = std::make_unique<Path>(Remote());
}

void Stream::connect(Time now, const Remote& remote) {
    assert(!connected_);
    if (closed_ != Closed::no) return;
    connected_ = true;
    paths_[0] = std::make_unique<Path>(remote);
    paths_[0]->validated = true;  // by whoever knows that the peer is there
    roaming_.heard = remote.answered;
    paths_[0]->pacer.refill(now);
    rearm(now);
}

void Stream::write(Time now, ByteView bytes) {
    if (closed_ != Closed::no || end_requested_) return;
    const bool first = !has_new();
    out_.append(bytes);
    if (first && connected_ && flight_.empty() && peer_window_.bytes() == 0) on_closed_window(now);
}

// A window leaves in each round trip; of a path that is longer than the span the next one waits.
std::size_t Stream::queue_bytes() const {
    if (!connected_ || !round_trip().known()) return min_queue_bytes;
    const double trips = std::chrono::duration<double>(queue_span) / round_trip().smoothed();
    const double bytes = static_cast<double>(window_packets() * mtu_bytes()) * std::max(trips, 1.0);
    const double most = std::min<double>(bytes, max_queue_bytes);
    return std::max(min_queue_bytes, static_cast<std::size_t>(most));
}

bool Stream::writable() const {
    return unsent_bytes() < queue_bytes() && out_.size() < max_kept_bytes;
}

void Stream::end(Time now) {
    if (closed_ != Closed::no || end_requested_) return;
    const bool first = !has_new();
    end_requested_ = true;
    if (first && connected_ && flight_.empty() && peer_window_.bytes() == 0) on_closed_window(now);
}

void Stream::destroy() {
    if (closed_ != Closed::no) return;
    destroy_due_ = connected_;
    close(Closed::destroyed);
}

void Stream::close(Closed why) {
    closed_ = why;
    role_ = Role::none;
    waits_for_pacer_ = heartbeat_due_ = tail_.due = false;
    if (why == Closed::timed_out) destroy_due_ = connected_;
    if (why != Closed::ended) ack_due_ = false;
    ack_at_.reset();
    if (why == Closed::destroyed) in_.readable().clear();
    messages_out_.clear();
    roaming_ = {};
}

std::size_t Stream::read(std::span<std::uint8_t> out) {
    const std::size_t size = in_.readable().read(out);
    // The sender stops when the window closes and only hears of its opening from us.
    const std::size_t window = in_.window_bytes(), limit = in_.window_limit_bytes();
    const bool was_small = announced_window_bytes_ < limit / 2;
    if (was_small && window >= announced_window_bytes_ + limit / 4 && closed_ == Closed::no)
        ack_due_ = true;
    return size;
}

void Stream::send_message(ByteView bytes) {
    const bool fits = bytes.size() + current().overhead_bytes <= mtu_bytes();
    if (!fits || closed_ != Closed::no || messages_out_.size() >= max_messages) return;
    messages_out_.emplace_back(bytes.begin(), bytes.end());
}

std::optional<ByteVector> Stream::next_message() {
    if (messages_in_.empty()) return {};
    ByteVector message = std::move(messages_in_.front());
    messages_in_.pop_front();
    return message;
}

std::optional<std::array<std::uint8_t, header_bytes>> Stream::last_word() const {
    if (!connected_ || closed_ == Closed::no || closed_ == Closed::reset) return {};
    const bool orderly = closed_ == Closed::ended;
    std::array<std::uint8_t, header_bytes> word;
    const Header header{.flags = orderly ? std::uint8_t{0} : flag::destroy,
                        .receiver_id = remote_id(),
                        .window_bytes = static_cast<std::uint32_t>(in_.window_limit_bytes()),
                        .seq = static_cast<std::uint32_t>(flight_.next_seq()),
                        .ack = static_cast<std::uint32_t>(in_.next_seq())};
    write_header(header, word);
    return word;
}

}  // namespace kp2p::proto::udx
