#include "proto/report/finding.hpp"

#include <doctest/doctest.h>

#include <set>

using namespace kp2p;
using Code = Finding::Code;

TEST_CASE("each finding has a name of its own, and a sentence without gaps") {
    NodeId node;
    node.data()[0] = 0x3f;
    std::set<std::string_view> names;
    for (int number = 0; number <= int(Code::too_many_partials); number++) {
        const Code code{number};
        CAPTURE(number);
        REQUIRE(names.insert(name_of(code)).second);
        const std::string sentence = sentence_of({.code = code,
                                                  .node = node,
                                                  .what = "WHAT",
                                                  .count = 7,
                                                  .silent = 3,
                                                  .after = std::chrono::seconds(12)});
        CAPTURE(sentence);
        CHECK(sentence.find_first_of("{}") == std::string::npos);
        CHECK(!sentence.ends_with('.'));
        CHECK(!name_of(stage_of(code)).empty());
    }
}

TEST_CASE("the words of findings") {
    NodeId node;
    const std::string id = node.hex();
    struct Row {
        Finding finding;
        std::string words;
    };
    const Row rows[] = {
        {{.code = Code::dht_silent_for, .after = std::chrono::milliseconds(30900)},
         "no DHT node has answered for 30 s: is this computer offline?"},
        {{.code = Code::nobody_there, .what = "{count}"},
         "no other node in channel {count} could be reached"},
        {{.code = Code::some_silent, .what = "lab", .count = 5, .silent = 2},
         "of the 5 nodes reached in channel lab, 2 did not answer, and 3 know nobody who has it"},
        {{.code = Code::wrong, .node = node, .what = "sent a wrong chunk 5"},
         "node " + id + " sent a wrong chunk 5"},
    };
    for (const Row& row : rows) CHECK(sentence_of(row.finding) == row.words);
}

TEST_CASE("findings: each once, the nearest cause first, bounded") {
    Findings findings;
    findings.add({.code = Code::no_channel});
    findings.add({.code = Code::dht_silent});
    findings.add({.code = Code::no_channel});
    findings.lead({.code = Code::dht_silent});
    REQUIRE(findings.all().size() == 2);
    CHECK(findings.all().front().code == Code::dht_silent);
    CHECK(findings.text() ==
          "no DHT node has answered yet, no bootstrap node either; this node is in no channel");
    for (std::uint64_t i = 0; i < 100; i++)
        findings.add({.code = Code::channels_pending, .count = i});
    CHECK(findings.all().size() == Findings::max_findings);
    findings.lead({.code = Code::no_entry, .what = "x"});
    CHECK(findings.all().size() == Findings::max_findings);
    CHECK(findings.all().front().code == Code::no_entry);
}
