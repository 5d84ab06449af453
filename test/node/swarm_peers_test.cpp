#include "node/report/dht_facts.hpp"

#include <doctest/doctest.h>

using namespace kp2p;
using namespace std::chrono_literals;

TEST_CASE("why the network may not help is said as it is") {
    struct Row {
        const char* name;
        DhtContact contact;
        const char* words;  // the beginning; empty: no trouble
    };
    const Row rows[] = {
        {"it answers", {{}, 1s, 3, {}}, ""},
        {"a few requests in vain", {9s, 9s, 3, {}}, ""},
        {"silent", {30s, 30s, 3, {}}, "no DHT node has answered for 30 s"},
        {"never", {2s, {}, 3, {"a.org"}}, "no DHT node has answered yet"},
        {"no names",
         {2s, {}, 1, {"a has no address"}},
         "no DHT node can be asked: a has no address"},
        {"no IPv4", {2s, {}, 1, {}, {}, "it is so"}, "the DHT is of IPv4 alone, and it is so"},
        {"no IPv4, and yet", {2s, 2s, 1, {}, {}, "it is so"}, ""},
        {"nobody to ask", {{}, {}, 0, {}}, "this node knows no DHT node"},
        {"too much asked", {{}, 1s, 3, {}, 2s}, "DHT nodes are asked no more for now: 4096 req"},
        {"too much asked once", {{}, 1s, 3, {}, 30s}, ""},
    };
    for (const Row& row : rows) {
        CAPTURE(std::string(row.name));
        const auto trouble = dht_trouble(row.contact);
        const std::string said = trouble ? sentence_of(*trouble) : std::string();
        CAPTURE(said);
        CHECK(said.empty() == (*row.words == '\0'));
        CHECK(said.starts_with(row.words));
    }
}
