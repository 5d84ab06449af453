// How much an Opener asks its stream for at once.
#include "proto/record/frame_buffer.hpp"

#include <doctest/doctest.h>

using kp2p::proto::FrameBuffer;

TEST_CASE("what fills the room is followed by more of it, though nothing is left, up to a limit") {
    FrameBuffer buffer;
    std::size_t room = buffer.room().size();
    for (int i = 0; i < 10; ++i) {
        buffer.received(room);
        buffer.take(room);
        const std::size_t more = buffer.room().size();
        CHECK(more == (i < 3 ? 2 * room : room));
        room = more;
    }
    CHECK(room == 256 * 1024);
}

TEST_CASE("what does not fill the room is not") {
    FrameBuffer buffer;
    const std::size_t room = buffer.room().size();
    for (int i = 0; i < 10; ++i) {
        buffer.received(room - 1);
        buffer.take(room - 1);
        CHECK(buffer.room().size() == room);
    }
}
