#include "proto/dht/node/requests.hpp"

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
    Requests requests(at(0ms), 1, 1);
    Ask constant = ask();
    constant.timeout = 1000ms;
    const auto id = requests.ask(at(0ms), constant);
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
        REQUIRE(event);
        CHECK(event->kind == RequestEvent::Kind::slow);
        CHECK(!requests.next_event());
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

TEST_CASE("what went another way goes out again, as often as if for the first time") {
    Requests requests(at(0ms), 1, 1);
    Ask constant = ask(1);
    constant.timeout = 1000ms;
    REQUIRE(requests.ask(at(0ms), constant));
    const auto first = requests.next_send();
    REQUIRE(first);
    requests.expire(at(1000ms));
    CHECK(drain(requests) == 1);
    CHECK(requests.next_event()->kind == RequestEvent::Kind::slow);

    requests.start_over(at(1500ms));
    const auto again = requests.next_send();
    REQUIRE(again);
    CHECK(again->bytes == first->bytes);
    CHECK(!requests.next_send());
    CHECK(requests.deadline() == at(2500ms));
    requests.expire(at(2000ms));
    CHECK(!requests.next_event());
    requests.expire(at(2500ms));
    CHECK(drain(requests) == 1);
    CHECK(requests.next_event()->kind == RequestEvent::Kind::slow);
    CHECK(requests.receive(at(2600ms), node, reply_to(*first)));
    CHECK(requests.next_event()->kind == RequestEvent::Kind::reply);
    CHECK(requests.pending() == 0);
}

TEST_CASE("timeouts follow what the destination took before") {
    struct Row {
        const char* name;
        std::vector<std::chrono::milliseconds> round_trips;
        std::vector<std::chrono::milliseconds>
            at_least;  // of the transmissions, jitter comes on top
    };
    const Row rows[] = {
        {"unknown", {}, {250ms, 500ms, 1000ms, 2000ms}},
        {"near", {2ms, 2ms}, {300ms, 300ms, 300ms, 1000ms}},
        {"far", {200ms}, {400ms, 800ms, 1200ms, 1600ms}},
        {"very far", {900ms}, {1800ms, 3600ms, 4000ms, 4000ms}},
    };
    for (const Row& row : rows) {
        CAPTURE(row.name);
        Requests requests(at(0ms), 1, 1);
        Time now = at(0ms);
        for (const auto round_trip : row.round_trips) {
            Ask patient = ask();
            REQUIRE(requests.ask(now, patient));
            const auto sent = requests.next_send();
            now += round_trip;
            while (requests.deadline() <= now) requests.expire(now);  // repeats it, perhaps
            REQUIRE(requests.receive(now, node, reply_to(*sent)));
            while (requests.next_send() || requests.next_event()) continue;
        }
        REQUIRE(requests.ask(now, ask()));
        for (const auto at_least : row.at_least) {
            const Time due = *requests.deadline();
            CHECK(due - now >= at_least);
            CHECK(due - now < at_least + 256ms);
            now = due;
            requests.expire(now);
        }
        CHECK(requests.pending() == 0);
    }
}

TEST_CASE("what depends on others too is repeated each second") {
    const AnyCommand commands[] = {Command::peer_handshake, Command::peer_holepunch,
                                   InternalCommand::ping_nat, InternalCommand::delayed_ping};
    for (const AnyCommand& command : commands) {
        Requests requests(at(0ms), 1, 1);
        Ask shared = ask();
        shared.command = command;
        REQUIRE(requests.ask(at(0ms), shared));
        for (int second = 1; second <= 4; ++second) {
            CHECK(requests.deadline() == at(second * 1000ms));
            requests.expire(at(second * 1000ms));
        }
        CHECK(requests.pending() == 0);
        CHECK(!requests.is_silent(at(4000ms), node));
    }
}

TEST_CASE("who does not answer while others do is silent until it is heard, or for a minute") {
    Requests requests(at(0ms), 1, 1);
    const Endpoint other = Endpoint::loopback(8);
    const auto let_expire = [&](Time& now, int times) {
        for (int i = 0; i < times; ++i) {
            now = *requests.deadline();
            requests.expire(now);
        }
    };
    const auto start = [&](Time now, bool other_answers) {
        const auto id = requests.ask(now, ask());
        REQUIRE(requests.next_send());
        if (!other_answers) return *id;
        Ask to_other;
        to_other.to = other;
        REQUIRE(requests.ask(now, to_other));
        REQUIRE(requests.receive(now, other, reply_to(*requests.next_send())));
        return *id;
    };
    Time now = at(0ms);
    // Nobody answers at all: it may be our own fault.
    start(now, false);
    let_expire(now, 4);
    CHECK(!requests.is_silent(now, node));
    while (requests.next_send()) continue;

    const RequestKey id = start(now, true);
    let_expire(now, 1);
    CHECK(!requests.is_silent(now, node));
    let_expire(now, 1);
    CHECK(requests.is_silent(now, node));
    CHECK(!requests.is_silent(now, other));
    requests.cancel(now, id);
    CHECK(requests.is_silent(now + 59s, node));
    CHECK(!requests.is_silent(now + 61s, node));
    requests.heard(now, node);
    CHECK(!requests.is_silent(now, node));
}

TEST_CASE("since when nobody answers is known, from the first transmission that timed out") {
    Requests requests(at(0ms), 1, 1);
    CHECK(!requests.last_answer());
    Ask handshake = ask(0);
    handshake.command = Command::peer_handshake;  // may fail although the node is well
    REQUIRE(requests.ask(at(0ms), handshake));
    drain(requests);
    requests.expire(at(1000ms));
    CHECK(!requests.unanswered_since());
    Ask constant = ask(0);
    constant.timeout = 1000ms;
    REQUIRE(requests.ask(at(2000ms), constant));
    CHECK(!requests.unanswered_since());  // it may still come
    drain(requests);
    requests.expire(at(3000ms));
    REQUIRE(requests.ask(at(4000ms), constant));
    const auto send = requests.next_send();
    REQUIRE(send);
    CHECK(requests.unanswered_since() == at(2000ms));
    CHECK(requests.receive(at(4010ms), node, reply_to(*send)));
    CHECK(!requests.unanswered_since());
    CHECK(requests.last_answer() == at(4010ms));
}

TEST_CASE("a reply answers only the request with its tid at its source, once") {
    Requests requests(at(0ms), 65535, 1);
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
    Requests requests(at(0ms), 1, 1);
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
    Requests requests(at(0ms), 1, 1);
    Ask patient = ask();
    patient.timeout = 1000ms;
    for (unsigned i = 0; i < 100; ++i) CHECK(requests.ask(at(0ms), patient));
    CHECK(drain(requests) == CongestionWindow::slot_limit);
    Ask forced = patient;
    forced.forced = true;
    CHECK(requests.ask(at(0ms), forced));
    CHECK(drain(requests) == 1);
    CHECK(requests.deadline() == at(750ms));
    requests.expire(at(750ms));
    CHECK(drain(requests) == 20);
    CHECK(requests.pending() == 101);
}

TEST_CASE("requests waiting for room can be cancelled, and are not taken for sent ones") {
    Requests requests(at(0ms), 1, 1);
    std::vector<RequestKey> ids;
    for (unsigned i = 0; i < 100; ++i) ids.push_back(*requests.ask(at(0ms), ask()));
    drain(requests);
    for (const RequestKey id : ids) requests.cancel(at(1ms), id);
    requests.expire(at(750ms));
    CHECK(drain(requests) == 0);
    CHECK(requests.pending() == 0);
}

TEST_CASE("no more than max_pending are under way") {
    Requests requests(at(0ms), 1, 1);
    for (std::size_t i = 0; i < Requests::max_pending; ++i) CHECK(requests.ask(at(0ms), ask()));
    CHECK(!requests.ask(at(0ms), ask()));
}
