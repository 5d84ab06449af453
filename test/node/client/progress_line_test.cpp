#include "node/client/progress_line.hpp"

#include <doctest/doctest.h>

using namespace kp2p;
using client::Progress;
using client::ProgressLine;

namespace {

// Of something that goes on with 10 MB a second, half way.
std::string line(std::size_t width, Progress progress = {}) {
    ProgressLine line;
    ProgressLine::Time now{};
    if (progress.name.empty()) progress.name = "recording.dat";
    progress.size_bytes = 100'000'000;
    std::string text;
    for (int second = 0; second <= 5; ++second) {
        progress.done_bytes = static_cast<std::uint64_t>(second) * 10'000'000;
        text = line.text(now, progress, width);
        now += std::chrono::seconds(1);
    }
    return text;
}

}  // namespace

TEST_CASE("a line says name, per cent, bytes, rate, what is left and from whom") {
    CHECK(line(100, {.from = {"1741cb70", "9f0c2b11 lab"}}) ==
          "recording.dat   50 %  50.0 MB of 100 MB  10.0 MB/s  0:05 left  "
          "from 1741cb70, 9f0c2b11 lab");
}

TEST_CASE("what does not fit the width is left out, and the name is shortened") {
    const std::vector<std::string> from{"1741cb70"};
    CHECK(line(70, {.from = from}) ==
          "recording.dat   50 %  50.0 MB of 100 MB  10.0 MB/s  0:05 left");
    CHECK(line(45, {.from = from}) == "recordi\u2026   50 %  50.0 MB of 100 MB  10.0 MB/s");
    CHECK(line(20, {.from = from}) == "recording.dat   50 %");
    CHECK(line(5, {.from = from}) == "reco\u2026");
    CHECK(line(40, {.name = "\u6587\u4ef6\u6587\u4ef6\u6587\u4ef6"}) ==
          "\u6587\u4ef6\u6587\u4ef6\u6587\u4ef6   50 %  50.0 MB of 100 MB");
    for (std::size_t width = 0; width < 90; ++width) {
        std::size_t columns = 0;
        for (const char c : line(width, {.from = from})) columns += (c & 0xc0) != 0x80;
        CHECK(columns <= width);
    }
}

TEST_CASE("before anything is known it says that it looks") {
    ProgressLine line;
    const ProgressLine::Time now{};
    CHECK(line.text(now, {.name = "a", .searches = true}, 80) == "a  looking for providers");
    CHECK(line.text(now, {.name = "a", .done_bytes = 5000}, 80) == "a  5.00 kB");
}

TEST_CASE("spans are hours, minutes and seconds") {
    CHECK(client::span_words(7) == "0:07");
    CHECK(client::span_words(760) == "12:40");
    CHECK(client::span_words(11100) == "3:05:00");
}
