// RelayTalk: one end of a channel of blind-relay, whichever side opened it. What is said waits
// until it can be sent; what is heard is handed on. Shape: run() once, say() at any time.
#pragma once

#include <deque>
#include <functional>

#include "node/async/tasks.hpp"
#include "node/transport/connection.hpp"
#include "proto/relay/blind_relay.hpp"

namespace kp2p {

class RelayTalk {
  public:
    using Take = std::function<void(const proto::RelayMessage&)>;

    explicit RelayTalk(Executor executor) : said_(executor) {}

    void say(proto::RelayMessage message);
    std::size_t unsent() const { return outgoing_.size(); }
    // Until the channel ends, as it does at a message that makes no sense.
    Task<> run(std::shared_ptr<MuxChannel> channel, Take take);

  private:
    Task<> hear_loop(std::shared_ptr<MuxChannel> channel, const Take& take, Tasks& all);
    Task<> tell_loop(std::shared_ptr<MuxChannel> channel);

    std::deque<proto::RelayMessage> outgoing_;
    Event said_;
};

}  // namespace kp2p
