#include "node/relay/relay_talk.hpp"

#include "proto/outcome.hpp"

namespace kp2p {

void RelayTalk::say(proto::RelayMessage message) {
    outgoing_.push_back(std::move(message));
    said_.notify_all();
}

Task<> RelayTalk::run(std::shared_ptr<MuxChannel> channel, Take take) {
    auto body = [&](Tasks& all) -> Task<> {
        all.spawn(hear_loop(channel, take, all));
        all.spawn(tell_loop(channel));
        co_return;
    };
    (void)co_await with_tasks(body);  // it ends with the channel
}

Task<> RelayTalk::hear_loop(std::shared_ptr<MuxChannel> channel, const Take& take, Tasks& all) {
    for (;;) {
        auto message = co_await channel->receive();
        if (!message) break;
        const auto read = proto::decode_relay_message(message->type, message->payload);
        if (!read && read.error() == proto::Errc::unknown_type) continue;
        if (!read) {
            channel->close();
            break;
        }
        take(*read);
    }
    all.cancel();
}

Task<> RelayTalk::tell_loop(std::shared_ptr<MuxChannel> channel) {
    for (;;) {
        while (outgoing_.empty()) {
            auto woken = co_await said_.wait();
            if (!woken) co_return;
        }
        const proto::Encoded message = proto::encode(outgoing_.front());
        outgoing_.pop_front();
        auto sent = co_await channel->send(message.type, message.payload);
        if (!sent) co_return;
    }
}

}  // namespace kp2p
