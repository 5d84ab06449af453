#include "node/transport/connection.hpp"

#include "node/async/tasks.hpp"
#include "node/async/timeout.hpp"
#include "test/hand_clock.hpp"
#include "test/node/transport/memory_stream.hpp"
#include "test/run.hpp"

namespace kp2p {
namespace {

using test::ConnectionPair;
using Channel = std::shared_ptr<MuxChannel>;

SteadyClock steady;

// Runs both ends of a connection beside `body`, and cancels what is left of them after it.
template <class Body>
void with_pair(Body body) {
    test::run([](Body& inner) -> Task<> {
        auto executor = co_await asio::this_coro::executor;
        ConnectionPair pair = test::connection_pair(executor, steady);
        auto all_done = co_await with_tasks([&](Tasks& all) -> Task<> {
            all.spawn(test::run_connection(pair.initiator));
            all.spawn(test::run_connection(pair.responder));
            co_await inner(pair, all);
            all.cancel();
        });
        (void)all_done;
        CHECK(pair.initiator->is_closed());
        CHECK(pair.responder->is_closed());
    }(body));
}

void accept_at(Connection& connection, Tasks& all, Channel& into) {
    connection.on_open("p", [&connection, &all, &into](const RemoteOpen& open) {
        all.spawn([](Connection& c, ByteVector id, Channel& out) -> Task<> {
            auto opened = co_await c.open("p", std::move(id), ByteVector(1, 9));
            if (opened) out = *opened;
        }(connection, open.name.id, into));
        return true;
    });
}

ByteVector pattern(std::size_t size) {
    ByteVector bytes(size);
    for (std::size_t i = 0; i < size; i++) bytes[i] = static_cast<std::uint8_t>(i * 7 + i / 251);
    return bytes;
}

TEST_CASE("a channel carries messages of all sizes both ways, in order") {
    with_pair([](ConnectionPair& pair, Tasks& all) -> Task<> {
        Channel there;
        accept_at(*pair.responder, all, there);
        auto opened = co_await pair.initiator->open("p", ByteVector(3, 1), ByteVector(2, 5));
        REQUIRE(opened);
        REQUIRE(there);
        CHECK((*opened)->remote_handshake() == ByteVector(1, 9));
        CHECK(there->remote_handshake() == ByteVector(2, 5));
        const std::size_t sizes[] = {0, 1, 10, 4095, 4096, 65536, 3, 500000, 7};
        for (auto [from, to] : {std::pair(*opened, there), std::pair(there, *opened)}) {
            for (std::size_t i = 0; i < std::size(sizes); i++) {
                auto sent = co_await from->send(i, pattern(sizes[i]));
                CHECK(sent);
            }
            for (std::size_t i = 0; i < std::size(sizes); i++) {
                auto got = co_await to->receive();
                REQUIRE(got);
                CHECK(got->type == i);
                CHECK(as_text(got->payload) == as_text(pattern(sizes[i])));
            }
        }
    });
}

TEST_CASE("an open that nobody wants is refused") {
    with_pair([](ConnectionPair& pair, Tasks&) -> Task<> {
        pair.responder->on_open("q", [](const RemoteOpen&) { return false; });
        for (const char* protocol : {"p", "q"}) {
            auto opened = co_await pair.initiator->open(protocol, ByteVector(), ByteVector());
            CHECK(opened.error() == Errc::refused);
        }
    });
}

TEST_CASE("opens from both sides meet, whichever comes first") {
    with_pair([](ConnectionPair& pair, Tasks& all) -> Task<> {
        pair.responder->on_open("p", [](const RemoteOpen&) { return true; });
        Channel here;
        all.spawn([](Connection& connection, Channel& out) -> Task<> {
            auto opened = co_await connection.open("p", ByteVector(), ByteVector());
            if (opened) out = *opened;
        }(*pair.initiator, here));
        for (int i = 0; i < 20; i++) co_await asio::post(asio::use_awaitable);
        CHECK_FALSE(here);  // it waits for us
        auto opened = co_await pair.responder->open("p", ByteVector(), ByteVector());
        REQUIRE(opened);
        auto sent = co_await (*opened)->send(1, ByteVector());
        CHECK(sent);
        while (!here) co_await asio::post(asio::use_awaitable);
        auto got = co_await here->receive();
        REQUIRE(got);
        CHECK(got->type == 1);
    });
}

TEST_CASE("closing a channel ends it at the other side after what was sent") {
    with_pair([](ConnectionPair& pair, Tasks& all) -> Task<> {
        Channel there;
        accept_at(*pair.responder, all, there);
        auto opened = co_await pair.initiator->open("p", ByteVector(), ByteVector());
        REQUIRE(opened);
        auto sent = co_await (*opened)->send(4, ByteVector(3));
        CHECK(sent);
        *opened = nullptr;  // lets go of it
        auto got = co_await there->receive();
        REQUIRE(got);
        CHECK(got->type == 4);
        auto none = co_await there->receive();
        CHECK(none.error() == Errc::closed);
        auto late = co_await there->send(1, ByteVector());
        CHECK(late.error() == Errc::closed);
        auto again = co_await pair.initiator->open("p", ByteVector(), ByteVector());
        CHECK(again);
    });
}

TEST_CASE("a sender waits for a receiver that does not read, and neither holds much") {
    with_pair([](ConnectionPair& pair, Tasks& all) -> Task<> {
        Channel there;
        accept_at(*pair.responder, all, there);
        auto opened = co_await pair.initiator->open("p", ByteVector(), ByteVector());
        REQUIRE(opened);
        constexpr std::size_t messages = 100, size = 65536;
        std::size_t sent = 0, received = 0;
        all.spawn([](Channel channel, std::size_t& count) -> Task<> {
            for (; count < messages; count++) {
                auto done = co_await channel->send(count, pattern(size));
                if (!done) co_return;
            }
        }(*opened, sent));
        for (int i = 0; i < 3000; i++) co_await asio::post(asio::use_awaitable);
        CHECK(sent > 10);
        CHECK(sent < 60);
        for (; received < messages; received++) {
            auto got = co_await there->receive();
            REQUIRE(got);
            CHECK(got->type == received);
        }
        CHECK(sent == messages);
    });
}

TEST_CASE("a message that waited for room is not given to the channel that has its number next") {
    with_pair([](ConnectionPair& pair, Tasks& all) -> Task<> {
        Channel there;
        accept_at(*pair.responder, all, there);
        auto opened = co_await pair.initiator->open("p", ByteVector(1, 1), ByteVector());
        REQUIRE(opened);
        for (int i = 0; i < 18; i++) {  // the last one waits
            auto sent = co_await (*opened)->send(1, pattern(65536));
            REQUIRE(sent);
        }
        for (int i = 0; i < 3000; i++) co_await asio::post(asio::use_awaitable);
        there->close();
        pair.initiator->on_open("q", [](const RemoteOpen&) { return true; });
        Channel next;
        all.spawn([](Connection& connection, Channel& out) -> Task<> {
            auto again = co_await connection.open("q", ByteVector(), ByteVector());
            if (again) out = *again;
        }(*pair.responder, next));
        auto answered = co_await pair.initiator->open("q", ByteVector(), ByteVector());
        REQUIRE(answered);
        auto sent = co_await (*answered)->send(2, ByteVector(3));
        CHECK(sent);
        while (!next) co_await asio::post(asio::use_awaitable);
        auto got = co_await next->receive();
        REQUIRE(got);
        CHECK(got->type == 2);
        CHECK(got->payload.size() == 3);
    });
}

TEST_CASE("close sends what is left and ends both sides in order") {
    with_pair([](ConnectionPair& pair, Tasks& all) -> Task<> {
        Channel there;
        accept_at(*pair.responder, all, there);
        auto opened = co_await pair.initiator->open("p", ByteVector(), ByteVector());
        REQUIRE(opened);
        for (std::uint64_t i = 0; i < 5; i++) {
            auto sent = co_await (*opened)->send(i, pattern(100000));
            CHECK(sent);
        }
        pair.initiator->close();
        CHECK((*opened)->is_closed());
        for (std::uint64_t i = 0; i < 5; i++) {
            auto got = co_await there->receive();
            REQUIRE(got);
            CHECK(as_text(got->payload) == as_text(pattern(100000)));
        }
        auto none = co_await there->receive();
        CHECK(none.error() == Errc::closed);
        auto why = co_await pair.responder->closed();
        CHECK(why.error() == Errc::closed);
        auto refused = co_await pair.responder->open("p", ByteVector(), ByteVector());
        CHECK(refused.error() == Errc::closed);
    });
}

TEST_CASE("a broken stream ends the connection with its error and all that waits on it") {
    with_pair([](ConnectionPair& pair, Tasks& all) -> Task<> {
        Channel there;
        accept_at(*pair.responder, all, there);
        auto opened = co_await pair.initiator->open("p", ByteVector(), ByteVector());
        REQUIRE(opened);
        pair.to_initiator->break_off();
        auto got = co_await (*opened)->receive();
        CHECK(got.error() == asio::error::connection_reset);
        auto why = co_await pair.initiator->closed();
        CHECK(why.error() == asio::error::connection_reset);
    });
}

TEST_CASE("a connection says which limit ended it") {
    with_pair([](ConnectionPair& pair, Tasks& all) -> Task<> {
        Channel there;
        accept_at(*pair.responder, all, there);
        auto opened = co_await pair.initiator->open("p", ByteVector(), ByteVector());
        REQUIRE(opened);
        CHECK(pair.initiator->ending() == std::error_code().message());
        auto sent = co_await (*opened)->send(1, ByteVector(MuxChannel::max_payload_bytes + 1));
        CHECK(sent.error() == Errc::limit_reached);
        auto why = co_await pair.initiator->closed();
        CHECK(why.error() == Errc::limit_reached);
        CHECK(pair.initiator->ending() ==
              "a message of 8388609 bytes was to be sent, more than the 8388608 that it may have");
        auto next = co_await (*opened)->send(1, ByteVector(1));
        CHECK(next.error() == Errc::limit_reached);
    });
}

TEST_CASE("who is not trusted sends no long frames") {
    test::run([]() -> Task<> {
        auto executor = co_await asio::this_coro::executor;
        ConnectionPair pair = test::connection_pair(executor, steady);
        const auto run = [](std::shared_ptr<Connection> connection) -> Task<> {
            connection->start();
            auto ended = co_await connection->run();
            (void)ended;
        };
        auto done = co_await with_tasks([&](Tasks& all) -> Task<> {
            all.spawn(run(pair.initiator));
            all.spawn(run(pair.responder));
            Channel there;
            accept_at(*pair.responder, all, there);
            auto opened = co_await pair.initiator->open("p", ByteVector(), ByteVector());
            REQUIRE(opened);
            for (const std::size_t size : {100'000u, 200'000u}) {
                auto sent = co_await (*opened)->send(1, pattern(size));
                CHECK(sent);
            }
            auto got = co_await there->receive();
            CHECK(got);
            auto why = co_await pair.responder->closed();
            CHECK(why.error() == proto::Errc::too_long);
            CHECK(pair.responder->ending() == "it sends a frame of more than 131072 bytes");
            all.cancel();
        });
        (void)done;
    }());
}

TEST_CASE("bytes that do not decrypt end the connection") {
    with_pair([](ConnectionPair& pair, Tasks&) -> Task<> {
        const ByteVector garbage{17, 0, 0,  1,  2,  3,  4,  5,  6,  7,
                                 8,  9, 10, 11, 12, 13, 14, 15, 16, 17};
        auto written = co_await pair.to_responder->write(garbage);
        CHECK(written);
        auto why = co_await pair.responder->closed();
        CHECK(why.error() == proto::Errc::bad_decryption);
    });
}

TEST_CASE("an idle connection says that it lives every five seconds") {
    test::run([]() -> Task<> {
        auto executor = co_await asio::this_coro::executor;
        test::HandClock clock(executor);
        auto streams = test::stream_pair(executor);
        auto connection = std::make_shared<Connection>(
            executor, clock, std::move(streams.initiator), test::keys_of(Role::initiator),
            proto::secret_stream(test::keys_of(Role::initiator), {}));
        auto done = co_await with_tasks([&](Tasks& all) -> Task<> {
            all.spawn(test::run_connection(connection));
            const auto settle = [](int rounds) -> Task<> {
                for (int i = 0; i < rounds; i++) co_await asio::post(asio::use_awaitable);
            };
            co_await settle(20);
            const std::size_t header = streams.to_responder->size_bytes();
            CHECK(header == 59);
            for (std::size_t i = 0; i < 3; i++) {
                clock.advance(std::chrono::milliseconds(4900));
                co_await settle(20);
                CHECK(streams.to_responder->size_bytes() == header + 20 * i);
                clock.advance(std::chrono::milliseconds(100));
                co_await settle(20);
                CHECK(streams.to_responder->size_bytes() == header + 20 * (i + 1));
            }
            all.cancel();
        });
        (void)done;
    }());
}

TEST_CASE("an end that the other side does not take in is cut off") {
    test::run([]() -> Task<> {
        auto executor = co_await asio::this_coro::executor;
        test::HandClock clock(executor);
        auto streams = test::stream_pair(executor);
        auto connection = std::make_shared<Connection>(
            executor, clock, std::move(streams.initiator), test::keys_of(Role::initiator),
            proto::secret_stream(test::keys_of(Role::initiator), {}));
        bool ended = false;
        auto done = co_await with_tasks([&](Tasks& all) -> Task<> {
            all.spawn([](std::shared_ptr<Connection> c, bool& out) -> Task<> {
                auto why = co_await c->run();
                CHECK(why.error() == Errc::closed);
                out = true;
            }(connection, ended));
            connection->close();
            for (int i = 0; i < 20; i++) co_await asio::post(asio::use_awaitable);
            CHECK_FALSE(ended);
            clock.advance(std::chrono::seconds(3));
            while (!ended) co_await asio::post(asio::use_awaitable);
        });
        CHECK(done);
    }());
}

}  // namespace
}  // namespace kp2p
