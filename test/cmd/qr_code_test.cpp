#include "cmd/qr/qr_code.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

using namespace kp2p;

namespace {

using Rows = std::vector<std::vector<bool>>;  // true: black

bool takes(std::string_view& rest, std::string_view word) {
    if (!rest.starts_with(word)) return false;
    rest.remove_prefix(word.size());
    return true;
}

// As a camera sees the terminal.
Rows seen(std::string_view rest) {
    Rows rows;
    while (!rest.empty()) {
        std::vector<bool> upper, lower;
        REQUIRE(takes(rest, "\x1b[30;107m"));
        while (!takes(rest, "\x1b[0m\n")) {
            const bool both = takes(rest, "█"), above = !both && takes(rest, "▀");
            const bool below = !both && !above && takes(rest, "▄");
            REQUIRE((both || above || below || takes(rest, " ")));
            upper.push_back(both || above);
            lower.push_back(both || below);
        }
        rows.push_back(upper);
        rows.push_back(lower);
    }
    return rows;
}

// The squares in three corners by which a reader finds it: rings of 7, 5 and 3 modules.
bool has_finder(const Rows& rows, std::size_t top, std::size_t left) {
    for (std::size_t row = 0; row < 7; ++row)
        for (std::size_t column = 0; column < 7; ++column) {
            const auto from_edge = std::min({row, column, 6 - row, 6 - column});
            if (rows[top + row][left + column] != (from_edge != 1)) return false;
        }
    return true;
}

}  // namespace

TEST_CASE("a code is seen whole, with its margin and the marks by which it is found") {
    constexpr std::size_t margin = 4;
    for (const std::size_t length : {std::size_t{1}, std::size_t{80}, std::size_t{700}}) {
        CAPTURE(length);
        const auto code = qr_code(std::string(length, 'k'));
        REQUIRE(code);
        const Rows rows = seen(*code);
        const std::size_t width = rows[0].size() - 2 * margin;
        CHECK((width - 17) % 4 == 0);
        CHECK(rows.size() >= width + 2 * margin);
        for (std::size_t row = 0; row < rows.size(); ++row)
            for (std::size_t column = 0; column < rows[row].size(); ++column) {
                const bool inside = row >= margin && row < margin + width && column >= margin &&
                                    column < margin + width;
                if (!inside) CHECK_FALSE(rows[row][column]);
            }
        CHECK(has_finder(rows, margin, margin));
        CHECK(has_finder(rows, margin, margin + width - 7));
        CHECK(has_finder(rows, margin + width - 7, margin));
    }
}

TEST_CASE("what is too long has none") { CHECK_FALSE(qr_code(std::string(4000, 'k'))); }
