#include "proto/dht/requests.hpp"

#include "test/proto/dht/json.hpp"

using namespace kp2p;
using namespace kp2p::proto::dht;
using namespace kp2p::test;
using namespace std::chrono_literals;

namespace {

const Endpoint node = Endpoint::loopback(7);

Ask ask(unsigned retries = 3) {
    Ask ask;
    ask.to = node;
    ask.retries = retries;
    return ask;
}

std::uint16_t tid_of(const Outgoing& send) {
    return std::get<Request>(*decode_rpc(send.bytes)).tid;
}

Reply reply_to(const Outgoing& send) {
    Reply reply;
    reply.tid = tid_of(send);
    return reply;
}

std::size_t drain(Requests& requests) {
    std::size_t count = 0;
    while (requests.next_send()) ++count;
    return count;
}

}  // namespace

TEST_CASE("a request is sent four times, unchanged, a second apart, then fails") {
    Requests requests(at(0ms), 1);
    const auto id = requests.ask(at(0ms), ask());
    REQUIRE(id);
    const auto first = requests.next_send();
    REQUIRE(first);
    for (int second = 1; second < 4; ++second) {
        requests.expire(at(second * 1000ms - 1ms));
        CHECK(!requests.next_send());
        CHECK(requests.deadline() == at(second * 1000ms));
        requests.expire(at(second * 1000ms));
        const auto again = requests.next_send();
        REQUIRE(again);
        CHECK(again->bytes == first->bytes);
        const auto event = requests.next_event();
        CHECK(event.has_value() == (second == 1));
        if (event) CHECK(event->kind == RequestEvent::Kind::slow);
    }
    requests.expire(at(4000ms));
    CHECK(!requests.next_send());
    const auto event = requests.next_event();
    REQUIRE(event);
    CHECK(event->kind == RequestEvent::Kind::failed);
    CHECK(event->id == *id);
    CHECK(event->asked == node);
    CHECK(!requests.deadline());
    CHECK(requests.pending() == 0);
}

TEST_CASE("a reply answers only the request with its tid at its source, once") {
    Requests requests(at(0ms), 65535);
    const auto id = requests.ask(at(0ms), ask());
    const auto send = requests.next_send();
    CHECK(tid_of(*send) == 65535);
    Reply other_tid = reply_to(*send);
    ++other_tid.tid;
    CHECK(!requests.receive(at(1ms), node, other_tid));
    CHECK(!requests.receive(at(1ms), Endpoint::loopback(8), reply_to(*send)));
    CHECK(!requests.next_event());
    CHECK(requests.receive(at(1ms), node, reply_to(*send)));
    const auto event = requests.next_event();
    REQUIRE(event);
    CHECK(event->kind == RequestEvent::Kind::reply);
    CHECK(event->id == *id);
    CHECK(!requests.receive(at(2ms), node, reply_to(*send)));
    requests.expire(at(1h));
    CHECK(!requests.next_event());
    // The counter wraps.
    (void)requests.ask(at(3ms), ask());
    CHECK(tid_of(*requests.next_send()) == 0);
}

TEST_CASE("a cancelled request is silent") {
    Requests requests(at(0ms), 1);
    const auto id = requests.ask(at(0ms), ask());
    const auto send = requests.next_send();
    requests.cancel(at(1ms), *id);
    requests.cancel(at(1ms), *id);
    CHECK(!requests.receive(at(2ms), node, reply_to(*send)));
    requests.expire(at(1h));
    CHECK(!requests.next_send());
    CHECK(!requests.next_event());
    CHECK(!requests.deadline());
}

TEST_CASE("a full window delays requests until there is room, forced ones excepted") {
    Requests requests(at(0ms), 1);
    for (unsigned i = 0; i < 100; ++i) CHECK(requests.ask(at(0ms), ask()));
    CHECK(drain(requests) == CongestionWindow::slot_limit);
    Ask forced = ask();
    forced.forced = true;
    CHECK(requests.ask(at(0ms), forced));
    CHECK(drain(requests) == 1);
    CHECK(requests.deadline() == at(750ms));
    requests.expire(at(750ms));
    CHECK(drain(requests) == 20);
    CHECK(requests.pending() == 101);
}

TEST_CASE("requests waiting for room can be cancelled, and are not taken for sent ones") {
    Requests requests(at(0ms), 1);
    std::vector<RequestId> ids;
    for (unsigned i = 0; i < 100; ++i) ids.push_back(*requests.ask(at(0ms), ask()));
    drain(requests);
    for (const RequestId id : ids) requests.cancel(at(1ms), id);
    requests.expire(at(750ms));
    CHECK(drain(requests) == 0);
    CHECK(requests.pending() == 0);
}

TEST_CASE("no more than max_pending are under way") {
    Requests requests(at(0ms), 1);
    for (std::size_t i = 0; i < Requests::max_pending; ++i) CHECK(requests.ask(at(0ms), ask()));
    CHECK(!requests.ask(at(0ms), ask()));
}
