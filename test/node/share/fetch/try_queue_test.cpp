#include "node/share/fetch/try_queue.hpp"

#include <doctest/doctest.h>

using namespace kp2p;

namespace {

using Reach = TryQueue::Reach;
using Tried = TryQueue::Tried;

NodeId nth_node(std::size_t number) {
    NodeId node;
    node.data()[0] = static_cast<std::uint8_t>(number >> 8);
    node.data()[1] = static_cast<std::uint8_t>(number);
    return node;
}

}  // namespace

TEST_CASE("of all nodes that are heard of so many are tried, so many at once") {
    TryQueue queue;
    std::size_t tried = 0;
    for (std::size_t i = 0; i < TryQueue::max_heard + 100; ++i)
        tried += queue.hear(nth_node(i), Reach::distant);
    CHECK(tried == TryQueue::max_at_once);
    CHECK(queue.hear(nth_node(60000), Reach::neighbour));  // is not kept out by them
    queue.done(nth_node(60000), Tried::for_good);
    for (NodeId last = nth_node(0); auto next = queue.done(last, Tried::for_good); ++tried) {
        CHECK(queue.trying() == TryQueue::max_at_once);
        last = *next;
    }
    CHECK(tried == TryQueue::max_heard);
}

TEST_CASE("who was tried for good is not tried again, others are when they are heard of") {
    for (const Reach reach : {Reach::neighbour, Reach::distant}) {
        TryQueue queue;
        CHECK(queue.hear(nth_node(1), reach));
        CHECK_FALSE(queue.hear(nth_node(1), reach));  // is being tried
        queue.done(nth_node(1), Tried::for_now);
        CHECK(queue.hear(nth_node(1), reach));
        queue.done(nth_node(1), Tried::for_good);
        CHECK_FALSE(queue.hear(nth_node(1), reach));
    }
}
