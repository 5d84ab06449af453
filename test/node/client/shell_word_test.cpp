#include "node/client/shell_word.hpp"

#include <doctest/doctest.h>

using namespace kp2p;

TEST_CASE("a word that a shell could take for more is quoted") {
    const struct {
        const char *text, *word;
    } rows[] = {
        {"sha1://0123/a.csv.gz", "sha1://0123/a.csv.gz"},
        {"sha1://0123/Gr\u00fc\u00dfe%20b", "sha1://0123/Gr\u00fc\u00dfe%20b"},
        {"sha1://0123/a?manifest=4567", "'sha1://0123/a?manifest=4567'"},
        {"sha1://0123/a~", "'sha1://0123/a~'"},
        {"a'b", "'a'\\''b'"},
        {"", "''"},
    };
    for (const auto& row : rows) CHECK(client::shell_word(row.text) == row.word);
}
