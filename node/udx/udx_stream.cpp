#include "node/udx/udx_stream.hpp"

#include "proto/outcome.hpp"

namespace kp2p {

using proto::udx::Closed;

namespace {

// A long write waits for room now and then, so that it never queues much more than the watermark.
constexpr std::size_t write_slice_bytes = 65536;
constexpr int destroy_repeats = 2;

proto::udx::Remote remote_of(const UdxPath& path, std::uint32_t peer_id) {
    using namespace proto::udx;
    const bool relayed = path.relay_id.has_value();
    std::size_t mtu_bytes = path.socket->route_mtu_bytes(path.remote);
    // What lies beyond the relay is not known.
    if (relayed) mtu_bytes = std::min(mtu_bytes, MtuSearch::internet_bytes);
    return {
        .id = path.relay_id.value_or(peer_id),
        .max_mtu_bytes = mtu_bytes,
        .overhead_bytes = path.remote.host.is_v4() ? packet_overhead_bytes : ipv6_overhead_bytes,
        .relayed = relayed,
        .answered = path.answered};
}

ByteVector joined(std::span<const ByteView> pieces) {
    ByteVector bytes;
    for (const ByteView piece : pieces) bytes.insert(bytes.end(), piece.begin(), piece.end());
    return bytes;
}

proto::udx::StreamOptions with_key(proto::udx::StreamOptions options,
                                   const proto::udx::ChallengeKey& key) {
    options.challenge_key = key;
    return options;
}

}  // namespace

UdxStream::UdxStream(UdxContext& context, const proto::udx::StreamOptions& options)
    : context_(context),
      id_(context.add(*this)),
      machine_(id_, with_key(options, context.challenge_key())),
      alarm_(context.clock_.alarm(context.executor_,
                                  [this] {
                                      machine_.expire(context_.clock_.now());
                                      pump();
                                  })),
      readable_(context.executor_),
      writable_(context.executor_) {}

UdxStream::~UdxStream() {
    destroy();
    if (registered_) context_.remove(*this);
}

void UdxStream::on_path(std::function<void(const UdxPath&)> handler) {
    on_path_ = std::move(handler);
}

void UdxStream::connect(const UdxPath& path, std::uint32_t remote_id) {
    if (machine_.connected() || machine_.closed() != Closed::no) return;
    peer_id_ = remote_id;
    machine_.connect(context_.now(), remote_of(path, peer_id_));
    paths_[machine_.path()] = path;
    note_path();
    context_.flush_soon(*this);
}

void UdxStream::change_remote(const UdxPath& path) {
    if (!machine_.connected() || machine_.closed() != Closed::no) return;
    for (unsigned i = 0; i < paths_.size(); ++i) {  // one that was only a candidate starts anew
        if (i == machine_.path() || paths_[i] != path) continue;
        machine_.drop_path(i);
        paths_[i] = {};
    }
    const auto remote = remote_of(path, peer_id_);
    const unsigned number = machine_.try_remote(context_.now(), remote);
    paths_[number] = path;
    context_.flush_soon(*this);
}

void UdxStream::forget(const Datagrams& socket) {
    if (path().socket == &socket) return destroy();
    for (unsigned i = 0; i < paths_.size(); ++i) {
        if (paths_[i].socket != &socket) continue;
        machine_.drop_path(i);
        paths_[i] = {};
    }
}

unsigned UdxStream::number_of(const UdxPath& path) {
    const unsigned current = machine_.path();
    if (paths_[current] == path) return current;
    for (unsigned i = 0; i < paths_.size(); ++i)
        if (paths_[i] == path) return i;
    // What keeps the socket open must not go with the path that brought it.
    UdxPath found = path;
    for (const UdxPath& known : paths_)
        if (known.socket == path.socket && known.keeper) found.keeper = known.keeper;
    if (!found.keeper && keep_) found = keep_(std::move(found));
    const unsigned number = machine_.discover(remote_of(path, peer_id_));
    paths_[number] = std::move(found);
    return number;
}

void UdxStream::receive(const UdxPath& path, const proto::udx::Packet& packet) {
    if (!machine_.connected()) {
        if (!on_path_) return;
        on_path_(path);
    }
    const unsigned number = machine_.connected() ? number_of(path) : machine_.path();
    machine_.receive(context_.now(), packet, number);
    context_.touch(*this);
}

void UdxStream::note_path() {
    if (noted_path_ == path()) return;
    noted_path_ = path();
    path_since_ = context_.clock_.now();
}

std::optional<Clock::Span> UdxStream::unanswered() const {
    const auto since = machine_.roaming().unanswered_since;
    if (!since) return std::nullopt;
    return context_.clock_.now() - *since;
}

std::optional<Clock::Span> UdxStream::unacknowledged() const {
    const auto since = machine_.roaming().unacknowledged_since;
    if (!since) return std::nullopt;
    return context_.clock_.now() - *since;
}

Task<Result<void>> UdxStream::heard() {
    while (!machine_.roaming().heard) {
        if (const auto error = failure()) co_return error;
        auto woken = co_await writable_.wait();
        if (!woken) co_return woken;
    }
    co_return ok;
}

void UdxStream::pump() {
    const Clock::Time now = context_.clock_.now();
    while (const auto burst = machine_.next_burst(now)) {
        const UdxPath& path = paths_[burst->path];
        if (burst->oversized)
            path.socket->send_in_fragments(path.remote, joined(burst->pieces));
        else
            path.socket->send_segments(path.remote, burst->pieces, burst->segment_bytes);
    }
    settle();
}

void UdxStream::settle() {
    note_path();
    if (const auto deadline = machine_.deadline()) {
        alarm_->set(*deadline);
    } else {
        alarm_->clear();
    }
    const bool closed = machine_.closed() != Closed::no;
    if (closed || machine_.readable_bytes() > 0 || machine_.remote_ended()) readable_.notify_all();
    if (closed || machine_.end_acknowledged() || machine_.writable()) writable_.notify_all();
    if (!closed || !registered_) return;
    registered_ = false;
    context_.remove(*this);
    const auto word = machine_.last_word();
    if (!word) return;
    UdxLinger::Entry entry{.word = *word, .socket = path().socket, .remote = path().remote};
    if (machine_.closed() != Closed::ended) entry.repeats_left = destroy_repeats;
    context_.linger(id_, entry);
}

std::error_code UdxStream::failure() const {
    switch (machine_.closed()) {
        case Closed::no:
            return {};
        case Closed::reset:
            return asio::error::connection_reset;
        case Closed::timed_out:
            return Errc::timed_out;
        case Closed::ended:
        case Closed::destroyed:
            break;
    }
    return Errc::closed;
}

Task<Result<std::size_t>> UdxStream::read_some(std::span<std::uint8_t> out) {
    for (;;) {
        if (machine_.readable_bytes() > 0) {
            const std::size_t size = machine_.read(out);
            if (machine_.acknowledgement_due()) context_.flush_soon(*this);
            co_return size;
        }
        if (machine_.remote_ended()) co_return std::size_t{0};
        if (const auto error = failure()) co_return error;
        auto woken = co_await readable_.wait();
        if (!woken) co_return woken.error();
    }
}

Task<Result<void>> UdxStream::write(ByteView bytes) {
    const ByteView pieces[] = {bytes};
    co_return co_await write(std::span<const ByteView>(pieces));
}

Task<Result<void>> UdxStream::write(std::span<const ByteView> pieces) {
    for (ByteView rest : pieces) {
        while (!rest.empty()) {
            if (const auto error = failure()) co_return error;
            if (!machine_.writable()) {
                auto woken = co_await writable_.wait();
                if (!woken) co_return woken;
                continue;
            }
            const auto slice = std::min(write_slice_bytes, machine_.queue_bytes());
            const std::size_t size = std::min(rest.size(), slice);
            machine_.write(context_.now(), rest.first(size));
            rest = rest.subspan(size);
            context_.flush_soon(*this);
        }
    }
    co_return ok;
}

Task<Result<void>> UdxStream::finish() {
    machine_.end(context_.now());
    context_.flush_soon(*this);
    for (;;) {
        if (machine_.end_acknowledged()) co_return ok;
        if (const auto error = failure()) co_return error;
        auto woken = co_await writable_.wait();
        if (!woken) co_return woken;
    }
}

void UdxStream::destroy() {
    machine_.destroy();
    if (registered_) pump();
}

}  // namespace kp2p
