#include "proto/report/finding.hpp"

#include <doctest/doctest.h>

#include <set>

#include "proto/report/advice.hpp"

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
        CHECK(!advice_of(code).empty());
        CHECK(!advice_of(code).ends_with('.'));
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
        {{.code = Code::dht_silent}, "no DHT node has answered yet, no bootstrap node either"},
        {{.code = Code::no_relay_port, .what = "https://relay: it does not know the token"},
         "no DHT node answers, and there is no UDP port at https://relay: it does not know the "
         "token"},
        {{.code = Code::nobody_there, .what = "{count}"},
         "no other node in channel {count} could be reached"},
        {{.code = Code::some_silent, .what = "lab", .count = 5, .silent = 2},
         "of the 5 nodes reached in channel lab, 2 did not answer, and 3 know nobody who has it"},
        {{.code = Code::wrong, .node = node, .what = "sent a wrong chunk 5"},
         "node " + id + " sent a wrong chunk 5"},
    };
    for (const Row& row : rows) CHECK(sentence_of(row.finding) == row.words);
}

TEST_CASE("the path and the time stand beside the words, unless these have them") {
    using Way = TriedPath::Way;
    using std::chrono::milliseconds;
    NodeId node;
    const std::string id = node.hex();
    const Endpoint at{{192, 0, 2, 7}, 4000};
    struct Row {
        Finding finding;
        std::string told, logged;
    };
    const Row rows[] = {
        {{.code = Code::no_channel}, "this node is in no channel", " [channel no_channel]"},
        {{.code = Code::tcp_silent,
          .node = node,
          .what = at.text(),
          .after = milliseconds(8001),
          .path = TriedPath{Way::tcp, at}},
         "node " + id +
             " cannot be connected to: no answer over TCP from 192.0.2.7:4000 (after 8 s)",
         " [reach tcp_silent]"},
        {{.code = Code::connection_lost,
          .node = node,
          .after = milliseconds(250),
          .path = TriedPath{Way::lan, at}},
         "the connection to node " + id + " was lost (lan 192.0.2.7:4000, after 250 ms)",
         " [reach connection_lost]"},
        {{.code = Code::not_announced,
          .node = node,
          .after = milliseconds(3000),
          .path = TriedPath{Way::dht}},
         "node " + id +
             " cannot be connected to: it is not announced on the DHT: it is offline, or "
             "not known there yet (after 3 s)",
         " [reach not_announced]"},
        {{.code = Code::dht_silent_for, .after = milliseconds(30900)},
         "no DHT node has answered for 30 s: is this computer offline?",
         " [network dht_silent_for]"},
    };
    for (const Row& row : rows) {
        CHECK(full_sentence_of(row.finding) == row.told);
        CHECK(log_text_of(row.finding) == row.told + row.logged);
    }
    CHECK(text_of(TriedPath{Way::dht}) == "dht");
    CHECK(text_of(TriedPath{Way::punch, at}) == "punch 192.0.2.7:4000");
}

TEST_CASE("no channel's name comes into the log") {
    for (int number = 0; number <= int(Code::too_many_partials); number++) {
        const Finding finding{.code = Code{number}, .what = "secret", .count = 2};
        const Stage stage = stage_of(finding.code);
        if (stage != Stage::channel && stage != Stage::search) continue;
        CHECK(log_text_of(finding).find("secret") == std::string::npos);
    }
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
