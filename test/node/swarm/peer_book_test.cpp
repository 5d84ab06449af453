#include "node/swarm/peer_book.hpp"

#include <doctest/doctest.h>

#include "test/node/swarm/numbered.hpp"
#include "test/vectors.hpp"

namespace kp2p {
namespace {

using namespace std::chrono_literals;
using test::numbered;
constexpr PeerBook::Time start{};

unsigned any(const std::set<Topic>&) { return 1; }

TEST_CASE("priorities and retry delays are those of the reference") {
    int seen = 0;
    for (auto row : test::vectors("dht")["swarm_priority"]["vectors"]) {
        if (bool(row["inputs"]["explicit"])) continue;  // a peer that is to be kept by its key
        CAPTURE(test::text(row["name"]));
        seen++;
        const PeerPast past{static_cast<unsigned>(std::uint64_t(row["inputs"]["attempts"])),
                            bool(row["inputs"]["proven"])};
        const auto priority = dial_priority(past);
        CHECK(priority.has_value() == bool(row["expected"]["queueable"]));
        if (priority) CHECK(*priority == std::uint64_t(row["expected"]["priority"]));
        const auto delay = retry_delay(past);
        CHECK(delay.has_value() != row["expected"]["timer"].is_null());
        if (delay) CHECK(std::uint64_t(*delay) == std::uint64_t(row["expected"]["timer"]));
    }
    CHECK(seen == 12);
}

TEST_CASE("a discovered peer is dialed once, ourselves never") {
    PeerBook book(numbered(1), 7);
    book.discovered(start, Topic(), numbered(1), {});
    CHECK_FALSE(book.next_dial(start, any));
    book.discovered(start, Topic(), numbered(2), {Endpoint::loopback(5)});
    book.discovered(start, Topic(), numbered(2), {});
    CHECK(book.unsettled(Topic(), true));
    CHECK(book.deadline(any) == start);
    CHECK(book.next_dial(start, any) == numbered(2));
    CHECK(book.relays(numbered(2)) == std::vector{Endpoint::loopback(5)});
    CHECK_FALSE(book.next_dial(start, any));
    book.discovered(start, Topic(), numbered(2), {});
    CHECK_FALSE(book.next_dial(start, any));
    book.connected(numbered(2), PeerBook::Dialed::by_us);
    CHECK_FALSE(book.unsettled(Topic(), true));
    book.discovered(start, Topic(), numbered(2), {});
    CHECK_FALSE(book.next_dial(start, any));
}

TEST_CASE("a peer that cannot be dialed is retried ever later, then not until discovered again") {
    PeerBook book(numbered(1), 7);
    book.discovered(start, Topic(), numbered(2), {});
    auto now = start;
    const std::pair<PeerBook::Span, PeerBook::Span> waits[] = {
        {5s, 6500ms}, {15s, 17500ms}, {15s, 17500ms}};
    for (const auto& [least, most] : waits) {
        REQUIRE(book.next_dial(now, any) == numbered(2));
        book.dial_failed(now, numbered(2), PeerBook::Answered::no);
        REQUIRE(book.deadline(any));
        CHECK(*book.deadline(any) - now >= least);
        CHECK(*book.deadline(any) - now <= most);
        CHECK_FALSE(book.next_dial(now, any));
        now = *book.deadline(any);
    }
    REQUIRE(book.next_dial(now, any) == numbered(2));
    book.dial_failed(now, numbered(2), PeerBook::Answered::no);
    CHECK_FALSE(book.deadline(any));
    book.discovered(now, Topic(), numbered(2), {});
    CHECK(book.next_dial(now, any) == numbered(2));
}

TEST_CASE("one that answered is soon dialed once more, for which is waited") {
    PeerBook book(numbered(1), 7);
    book.discovered(start, Topic(), numbered(2), {});
    REQUIRE(book.next_dial(start, any));
    book.dial_failed(start, numbered(2), PeerBook::Answered::yes);
    REQUIRE(book.deadline(any));
    const auto again = *book.deadline(any);
    CHECK(again - start <= 2s);
    CHECK(book.unsettled(Topic(), true));
    CHECK_FALSE(book.unsettled(Topic(), false));
    REQUIRE(book.next_dial(again, any));
    book.dial_failed(again, numbered(2), PeerBook::Answered::yes);
    CHECK(*book.deadline(any) - again >= 15s);
    CHECK_FALSE(book.unsettled(Topic(), true));
}

TEST_CASE("one that did not answer is not waited for") {
    PeerBook book(numbered(1), 7);
    book.discovered(start, Topic(), numbered(2), {});
    REQUIRE(book.next_dial(start, any));
    book.dial_failed(start, numbered(2), PeerBook::Answered::no);
    CHECK_FALSE(book.unsettled(Topic(), true));
}

TEST_CASE("a connection that lived well is taken up again soon, for which is waited") {
    PeerBook book(numbered(1), 7);
    book.discovered(start, Topic(), numbered(2), {});
    REQUIRE(book.next_dial(start, any));
    book.connected(numbered(2), PeerBook::Dialed::by_us);
    book.closed(start, numbered(2), 20s);
    REQUIRE(book.deadline(any));
    CHECK(*book.deadline(any) - start <= 2s);
    CHECK(book.unsettled(Topic(), true));
    CHECK_FALSE(book.unsettled(Topic(), false));
}

TEST_CASE("one that came while it was dialed, and went before it counted, is dialed again") {
    PeerBook book(numbered(1), 7);
    book.discovered(start, Topic(), numbered(2), {});
    REQUIRE(book.next_dial(start, any));
    book.closed(start, numbered(2), 0s);
    REQUIRE(book.deadline(any));
    CHECK(*book.deadline(any) - start <= 2s);
}

TEST_CASE("peers of a topic that was left are forgotten") {
    PeerBook book(numbered(1), 7);
    Topic other;
    other.data()[0] = 1;
    book.discovered(start, Topic(), numbered(2), {});
    book.discovered(start, other, numbered(2), {});
    book.discovered(start, Topic(), numbered(3), {});
    book.left(Topic());
    CHECK(book.next_dial(start, any) == numbered(2));
    CHECK_FALSE(book.next_dial(start, any));
    book.left(other);
    book.dial_failed(start, numbered(2), PeerBook::Answered::no);
    CHECK_FALSE(book.deadline(any));
}

TEST_CASE("peers are dialed for what is needed, the most needed first") {
    PeerBook book(numbered(1), 7);
    Topic other;
    other.data()[0] = 1;
    for (std::uint8_t i = 2; i < 12; i++) book.discovered(start, Topic(), numbered(i), {});
    book.discovered(start, other, numbered(12), {});
    const auto none = [](const auto&) { return 0u; };
    CHECK_FALSE(book.next_dial(start, none));
    CHECK_FALSE(book.deadline(none));
    CHECK(book.unsettled(Topic(), true));
    CHECK_FALSE(book.unsettled(Topic(), false));
    const auto rather_other = [&](const auto& topics) { return topics.contains(other) ? 2u : 1u; };
    CHECK(book.next_dial(start, rather_other) == numbered(12));
    CHECK(book.topics(numbered(12)) == std::set<Topic>{other});
    CHECK(book.next_dial(start, rather_other));
    CHECK(book.unsettled(Topic(), false));
}

TEST_CASE("the book is bounded") {
    PeerBook book(numbered(1), 7);
    for (std::size_t i = 0; i < PeerBook::max_peers + 100; i++) {
        NodeId id = numbered(9);
        id.data()[1] = static_cast<std::uint8_t>(i);
        id.data()[2] = static_cast<std::uint8_t>(i >> 8);
        book.discovered(start, Topic(), id, {});
    }
    std::size_t known = 0;
    while (book.next_dial(start, any)) known++;
    CHECK(known == PeerBook::max_peers);
}

}  // namespace
}  // namespace kp2p
