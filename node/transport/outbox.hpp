// Outbox: messages for one Protomux channel, put in without waiting and sent in order by
// pour(). They wait while the channel is not open yet. Holds at most max_messages; a neighbour that
// lets it fill up does not read, and the owner ends the connection when put() says so.
#pragma once

#include <deque>
#include <functional>

#include "node/async/event.hpp"
#include "node/transport/mux_channel.hpp"
#include "proto/encoded.hpp"

namespace kp2p {

class Outbox {
  public:
    static constexpr std::size_t max_messages = 16384;

    explicit Outbox(Executor executor) : filled_(executor) {}

    using Sent = std::function<void()>;  // what is sent from now on comes behind the message
    // False when it is full; the message is lost.
    bool put(proto::Encoded message, Sent sent = {}) {
        if (messages_.size() >= max_messages) return false;
        messages_.push_back({std::move(message), std::move(sent)});
        filled_.notify_all();
        return true;
    }
    void clear() { messages_.clear(); }
    // Until the channel ends, or the caller is cancelled.
    Task<> pour(std::shared_ptr<MuxChannel> channel);

  private:
    struct Waiting {
        proto::Encoded message;
        Sent sent;
    };
    std::deque<Waiting> messages_;
    Event filled_;
};

}  // namespace kp2p
