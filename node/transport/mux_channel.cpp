#include "node/transport/mux_channel.hpp"

#include "node/transport/connection.hpp"
#include "proto/outcome.hpp"

namespace kp2p {
namespace {

constexpr std::size_t message_overhead_bytes = 64;

std::string too_long(std::size_t size_bytes) {
    return "a message of " + std::to_string(size_bytes) + " bytes was to be sent, more than the " +
           std::to_string(MuxChannel::max_payload_bytes) + " that it may have";
}

}  // namespace

MuxChannel::MuxChannel(Executor executor, Connection& connection)
    : connection_(&connection), changed_(executor) {}

MuxChannel::~MuxChannel() { close(); }

bool MuxChannel::has_room() const { return connection_ && !connection_->congested(); }

Task<Result<void>> MuxChannel::room() {
    while (connection_ && connection_->congested()) {
        auto woken = co_await changed_.wait();
        if (!woken) co_return woken;
    }
    if (!connection_) co_return why_;
    co_return ok;
}

Task<Result<void>> MuxChannel::send(std::uint64_t type, ByteView head, ByteView rest) {
    const std::size_t size_bytes = head.size() + rest.size();
    if (size_bytes > max_payload_bytes) {
        // Without it what follows makes no sense to the other.
        if (connection_) connection_->explain(too_long(size_bytes));
        if (connection_) connection_->end(Errc::limit_reached);
        co_return Errc::limit_reached;
    }
    if (!has_room()) {
        auto waited = co_await room();
        if (!waited) co_return waited;
    }
    connection_->send(*this, type, head, rest);
    co_return ok;
}

Task<Result<MuxMessage>> MuxChannel::receive() {
    while (queue_.empty() && !closed_) {
        auto woken = co_await changed_.wait();
        if (!woken) co_return woken.error();
    }
    if (queue_.empty()) co_return why_;
    MuxMessage message = std::move(queue_.front());
    queue_.pop_front();
    const bool was_full = full();
    queued_bytes_ -= message_overhead_bytes + message.payload.size();
    if (was_full && !full() && connection_) connection_->drained_.notify_all();
    co_return message;
}

void MuxChannel::close() {
    if (connection_) connection_->close(*this);
    queue_.clear();
    end(Errc::closed);
}

void MuxChannel::opened(ByteVector handshake) {
    remote_handshake_ = std::move(handshake);
    open_ = true;
    changed_.notify_all();
}

void MuxChannel::deliver(MuxMessage message) {
    queued_bytes_ += message_overhead_bytes + message.payload.size();
    queue_.push_back(std::move(message));
    changed_.notify_all();
}

void MuxChannel::end(std::error_code why) {
    connection_ = nullptr;
    if (!closed_) why_ = why;
    closed_ = true;
    changed_.notify_all();
}

}  // namespace kp2p
