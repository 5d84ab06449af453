#include "proto/byte_size.hpp"

#include <doctest/doctest.h>

using kp2p::proto::ByteSize;

TEST_CASE("a size is read with and without units") {
    const struct {
        const char* text;
        std::uint64_t bytes;
    } rows[] = {
        {"0", 0},
        {"1500", 1500},
        {"20M", 20'000'000},
        {"20 MB", 20'000'000},
        {"1.5GB", 1'500'000'000},
        {"4GiB", 4ull << 30},
        {"1K", 1000},
        {"1Ki", 1024},
        {"2T", 2'000'000'000'000},
        {"7B", 7},
    };
    for (const auto& row : rows) {
        CAPTURE(row.text);
        std::string complaint;
        const auto size = ByteSize::parse(row.text, complaint);
        REQUIRE(size);
        CHECK(size->bytes == row.bytes);
    }
}

TEST_CASE("what is no size is refused in words") {
    for (const char* text : {"", "M", "-1", "1X", "1MM", "1e9", "0x10", "1  M", "1iB", "1Bi", "inf",
                             "nan", "10000P"}) {
        CAPTURE(text);
        std::string complaint;
        CHECK(ByteSize::parse(text, complaint).error() == kp2p::Errc::usage);
        CHECK(complaint.find("a size is") == 0);
    }
}

TEST_CASE("a size is written in three digits or so") {
    const struct {
        std::uint64_t bytes;
        const char* words;
    } rows[] = {
        {0, "0 B"},
        {999, "999 B"},
        {1000, "1.00 kB"},
        {9'994, "9.99 kB"},
        {9'996, "10.0 kB"},
        {99'960, "100 kB"},
        {999'499, "999 kB"},
        {999'500, "1.00 MB"},
        {20'000'000, "20.0 MB"},
        {1'500'000'000, "1.50 GB"},
        {~0ull, "18447 PB"},
    };
    for (const auto& row : rows) CHECK(kp2p::proto::size_words(row.bytes) == row.words);
}

TEST_CASE("one is not many") {
    CHECK(kp2p::proto::count_words(0, "file") == "0 files");
    CHECK(kp2p::proto::count_words(1, "file") == "1 file");
    CHECK(kp2p::proto::count_words(2, "file") == "2 files");
}
