#include "node/transport/outbox.hpp"

#include <doctest/doctest.h>

#include <asio/io_context.hpp>

namespace kp2p {
namespace {

TEST_CASE("an outbox that nobody pours out takes so many messages, and none is lost unsaid") {
    asio::io_context loop{1};
    Outbox outbox(loop.get_executor());
    for (std::size_t i = 0; i < Outbox::max_messages; ++i) REQUIRE(outbox.put({1, ByteVector(1)}));
    CHECK_FALSE(outbox.put({1, ByteVector(1)}));
    outbox.clear();
    CHECK(outbox.put({1, ByteVector(1)}));
}

}  // namespace
}  // namespace kp2p
