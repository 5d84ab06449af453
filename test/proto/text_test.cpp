#include "proto/text.hpp"

#include <doctest/doctest.h>

#include "proto/errc.hpp"

using namespace kp2p;

TEST_CASE("percent-encoding is resolved, and what is none is refused") {
    const struct {
        std::string_view text;
        std::optional<std::string> decoded;
    } rows[] = {{"", ""},
                {"plain", "plain"},
                {"%41%c3%A4", "A\u00e4"},
                {"100%25", "100%"},
                {"%", {}},
                {"%4", {}},
                {"a%4g", {}},
                {"%+1", {}},
                {"%%41", {}},
                {"%00", std::string(1, '\0')}};
    for (const auto& [text, decoded] : rows) {
        CAPTURE(text);
        const auto got = proto::percent_decoded(text);
        CHECK(bool(got) == bool(decoded));
        if (got && decoded) CHECK(*got == *decoded);
        if (!got) CHECK(got.error() == proto::Errc::bad_text);
    }
    std::string all;
    for (int byte = 0; byte < 256; ++byte) proto::add_percent(all, static_cast<char>(byte));
    const auto back = proto::percent_decoded(all);
    REQUIRE(back);
    CHECK(back->size() == 256);
    for (std::size_t i = 0; i < back->size(); ++i)
        CHECK(static_cast<unsigned char>((*back)[i]) == i);
}

TEST_CASE("blanks around a text are not of it") {
    CHECK(proto::without_blanks_around(" \t a b\r\n") == "a b");
    CHECK(proto::without_blanks_around("\u00a0\ufeff a\u00a0b\u3000 \u200b\u202f\t") == "a\u00a0b");
    CHECK(proto::without_blanks_around("\u3001a\u3001") == "\u3001a\u3001");
    CHECK(proto::without_blanks_around(" \n").empty());
    CHECK(proto::without_blanks_around("").empty());
}
