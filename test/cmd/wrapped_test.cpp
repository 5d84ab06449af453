#include "cmd/wrapped.hpp"

#include <doctest/doctest.h>

using kp2p::wrapped;

TEST_CASE("words are laid out in lines of 80 columns") {
    const std::string forty(40, 'x'), seventy(70, 'y'), hundred(100, 'z');
    struct Row {
        std::string words, lines;
    };
    const Row rows[] = {
        {"", "label    "},
        {"one two", "label    one two"},
        {"one\n-> two", "label    one\n         -> two"},
        {forty + " " + forty, "label    " + forty + "\n         " + forty},
        {seventy + " 1", "label    " + seventy + "\n         1"},
        {"a " + hundred + " b", "label    a\n         " + hundred + "\n         b"},
    };
    for (const Row& row : rows) CHECK(wrapped("label", 9, row.words) == row.lines);
    const std::string wide = "\u00fc";
    std::string umlauts, expected = "         ";
    for (int i = 0; i < 71; ++i) umlauts += wide;
    CHECK(wrapped("", 9, umlauts) == expected + umlauts);
}
