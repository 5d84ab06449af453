#include "node/transport/outbox.hpp"

namespace kp2p {

Task<> Outbox::pour(std::shared_ptr<MuxChannel> channel) {
    for (;;) {
        while (messages_.empty()) {
            auto filled = co_await filled_.wait();
            if (!filled) co_return;
        }
        proto::Encoded message = std::move(messages_.front());
        messages_.pop_front();
        auto sent = co_await channel->send(message.type, message.payload);
        if (!sent) co_return;
    }
}

}  // namespace kp2p
