#include "node/transport/outbox.hpp"

namespace kp2p {

Task<> Outbox::pour(std::shared_ptr<MuxChannel> channel) {
    for (;;) {
        while (messages_.empty()) {
            auto filled = co_await filled_.wait();
            if (!filled) co_return;
        }
        const Waiting next = std::move(messages_.front());
        messages_.pop_front();
        auto sent = co_await channel->send(next.message.type, next.message.payload);
        if (!sent) co_return;
        if (next.sent) next.sent();
    }
}

}  // namespace kp2p
