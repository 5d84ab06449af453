#include "node/log/writer.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <string>

#include "test/files.hpp"
#include "test/temp_dir.hpp"

using namespace kp2p;
using namespace std::chrono_literals;

namespace {

// A pipe that nobody reads yet.
struct Pipe {
    Pipe() { REQUIRE(::pipe(ends.data()) == 0); }
    std::string read(std::size_t size) {
        std::string text(size, '\0');
        for (std::size_t done = 0; done < size;) {
            const auto got = ::read(ends[0], text.data() + done, size - done);
            REQUIRE(got > 0);
            done += static_cast<std::size_t>(got);
        }
        return text;
    }
    std::array<int, 2> ends{};
};

}  // namespace

TEST_CASE("a pipe that nobody reads holds up nobody, and what is queued arrives once it is read") {
    Pipe pipe;
    LogWriter& writer = *new LogWriter(pipe.ends[1]);  // its thread stays
    const std::string line(1023, 'x');
    std::size_t put = 0;
    while (writer.put(line + '\n', LogWriter::Claim::usual)) ++put;
    CHECK(put >= LogWriter::max_queued_bytes / 1024);
    CHECK(!writer.drain(1ms));
    CHECK(writer.put("urgent\n", LogWriter::Claim::urgent));
    const std::string all = pipe.read(put * 1024 + 7);
    CHECK(all.substr(0, 1024) == line + '\n');
    CHECK(all.substr(put * 1024) == "urgent\n");
    CHECK(writer.drain(1h));
    CHECK(writer.put("more\n", LogWriter::Claim::usual));
    CHECK(pipe.read(5) == "more\n");
}

TEST_CASE("a descriptor that does not block is written to all the same") {
    Pipe pipe;
    REQUIRE(::fcntl(pipe.ends[1], F_SETFL, O_NONBLOCK) == 0);
    LogWriter& writer = *new LogWriter(pipe.ends[1]);
    const std::string text(LogWriter::max_queued_bytes, 'y');
    CHECK(writer.put(text, LogWriter::Claim::usual));
    CHECK(pipe.read(text.size()) == text);
}

TEST_CASE("a file that was moved away is made anew, and what hangs there holds up nobody") {
    test::TempDir directory;
    const auto path = directory.path() / "log", moved = directory.path() / "log.1";
    Pipe pipe;
    LogWriter& writer = *new LogWriter(pipe.ends[1]);
    CHECK(writer.put("one\n", LogWriter::Claim::usual));
    REQUIRE(writer.drain(1h));
    writer.write_to(open_log_file(path));
    CHECK(writer.put("two\n", LogWriter::Claim::usual));
    REQUIRE(writer.drain(1h));
    std::filesystem::rename(path, moved);
    CHECK(writer.put("three\n", LogWriter::Claim::usual));
    REQUIRE(writer.drain(1h));
    writer.reopen(path);
    CHECK(writer.put("four\n", LogWriter::Claim::usual));
    REQUIRE(writer.drain(1h));
    CHECK(pipe.read(4) == "one\n");
    CHECK(test::read_file(moved) == "two\nthree\n");
    CHECK(test::read_file(path) == "four\n");

    writer.reopen(directory.path() / "none" / "log");
    CHECK(writer.put("five\n", LogWriter::Claim::usual));
    REQUIRE(writer.drain(1h));
    CHECK(test::read_file(path) == "four\nfive\n");

    // A FIFO that nobody reads does not open.
    const auto fifo = directory.path() / "fifo";
    REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
    writer.reopen(fifo);
    CHECK(writer.put("six\n", LogWriter::Claim::usual));
    CHECK_FALSE(writer.drain(1ms));
    const int reader = ::open(fifo.c_str(), O_RDONLY | O_NONBLOCK);
    REQUIRE(reader >= 0);
    REQUIRE(writer.drain(10s));
    char text[4];
    CHECK(::read(reader, text, 4) == 4);
    ::close(reader);
}
