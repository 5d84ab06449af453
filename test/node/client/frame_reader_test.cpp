#include "node/client/frame_reader.hpp"

#include <doctest/doctest.h>

using namespace kp2p;

TEST_CASE("bytes, lines among them and the last line are told apart wherever they are cut") {
    using namespace std::string_literals;
    const std::string line = "{\"event\":\"progress\",\"n\":7}\n";
    const std::string whole = "\3\0\0\0abc"s + static_cast<char>(line.size()) + "\0\0\x80"s + line +
                              "\2\0\0\0de\0\0\0\0{\"event\":\"result\"}\n"s;
    for (std::size_t step = 1; step <= whole.size(); ++step) {
        std::string bytes;
        std::uint64_t told = 0;
        const client::Daemon::OnBytes on_bytes = [&](ByteView some) -> Result<void> {
            bytes += as_text(some);
            return ok;
        };
        const client::Daemon::OnEvent on_event = [&](const client::Answer& event) -> Result<void> {
            told += event.number("n");
            return ok;
        };
        client::FrameReader reader(on_bytes, on_event);
        for (std::size_t at = 0; at < whole.size(); at += step) {
            CHECK(!reader.has_last_line());
            CHECK(reader.take(std::string_view(whole).substr(at, step)));
        }
        CHECK(bytes == "abcde");
        CHECK(told == 7);
        REQUIRE(reader.has_last_line());
        CHECK(reader.last_line() == "{\"event\":\"result\"}");
    }
}

TEST_CASE("a frame that is too long is trouble, and so is what a handler does not take") {
    const client::Daemon::OnBytes on_bytes = [](ByteView) -> Result<void> { return Errc::closed; };
    const client::Daemon::OnEvent on_event;
    client::FrameReader long_one(on_bytes, on_event);
    CHECK(!long_one.take("\1\1\1\1"));
    CHECK(long_one.trouble() == "a frame of more than 4096 KiB");
    client::FrameReader unwanted(on_bytes, on_event);
    CHECK(unwanted.take(std::string("\1\0\0\0x", 5)).error() == Errc::closed);
    CHECK(unwanted.trouble().empty());
}
