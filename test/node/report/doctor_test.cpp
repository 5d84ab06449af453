#include "node/report/doctor.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "node/report/dht_facts.hpp"
#include "node/report/peers.hpp"
#include "test/temp_dir.hpp"

using namespace kp2p;
using namespace kp2p::test;
using namespace std::chrono_literals;

namespace {

const Endpoint ours{{192, 0, 2, 7}, 4000};

Facts healthy() {
    Facts facts;
    facts.running = Facts::Running{NodeId(), 60s};
    facts.interfaces = {Host{192, 0, 2, 7}};
    facts.udp = facts.tcp = facts.public_address = ours;
    facts.last_answer = 2s;
    facts.firewalled = false;
    facts.in_network = true;
    facts.dht_nodes = 20;
    facts.mapping = "a router forwards";
    facts.tunnel = Facts::Tunnel{"https://relay", false, false};
    facts.relaying = Facts::Relaying{true, 1};
    facts.lan = "";
    facts.channels = {{"lab", 3}};
    facts.storage = {"/storage", "", 5'000'000'000};
    facts.wall = std::chrono::system_clock::time_point(1'800'000'000s);
    return facts;
}

Finding silence() { return {.code = Finding::Code::dht_silent_for, .after = 30s}; }

}  // namespace

TEST_CASE("all is well") {
    for (const Check& check : examine(healthy())) {
        CAPTURE(check.section);
        CHECK(check.health == Health::ok);
        CHECK(!check.message.empty());
        CHECK(check.advice.empty());
    }
}

TEST_CASE("where UDP goes through a relay it is not said to go out") {
    Facts facts = healthy();
    facts.tunnel = Facts::Tunnel{"https://relay", true, true};
    for (const Check& check : examine(facts)) {
        CHECK(check.health == Health::ok);
        if (check.section == "udp") CHECK(check.message.starts_with("UDP is blocked here"));
    }
}

TEST_CASE("what is not well is said in its section, with what to do") {
    struct Row {
        const char* section;
        Health health;
        const char* words;
        void (*spoil)(Facts&);
    };
    const Row rows[] = {
        {"daemon", Health::problem, "no daemon is running", [](Facts& f) { f.running.reset(); }},
        {"key", Health::problem, "another node, at 192.0.2.7:1, runs with the key of this one",
         [](Facts& f) {
             f.twin = Finding{.code = Finding::Code::same_key, .what = "192.0.2.7:1"};
         }},
        {"config", Health::problem, "port: not", [](Facts& f) { f.config = "port: not a number"; }},
        {"addresses", Health::warning, "no network interface", [](Facts& f) { f.interfaces = {}; }},
        {"ports", Health::problem, "UDP 0.0.0.0:5: in use",
         [](Facts& f) { f.port_trouble = "UDP 0.0.0.0:5: in use"; }},
        {"ports", Health::problem, "UDP 0.0.0.0:5: not allowed",
         [](Facts& f) {
             f.port_trouble = "UDP 0.0.0.0:5: not allowed";
             f.no_sockets = true;
         }},
        {"ports", Health::warning, "not on TCP", [](Facts& f) { f.tcp.reset(); }},
        {"udp", Health::problem, "no DHT node has answered for 30 s",
         [](Facts& f) { f.network_trouble = silence(); }},
        {"udp", Health::problem, "what is sent leaves from 10.9.0.2",
         [](Facts& f) {
             f.network_trouble = silence();
             f.udp = Endpoint{Host(), 5};
             f.interfaces = {Host(10, 9, 0, 2), Host(192, 0, 2, 7)};
         }},
        {"udp", Health::problem, "switch wlan0 off",
         [](Facts& f) {
             f.network_trouble = silence();
             f.udp = Endpoint{Host(), 5};
             f.interfaces = {Host(10, 9, 0, 2), Host(192, 0, 2, 7)};
             f.way_out = "wlan0";
         }},
        {"udp", Health::warning, "this node knows no DHT node",
         [](Facts& f) { f.network_trouble = Finding{.code = Finding::Code::no_bootstrap}; }},
        {"tunnel", Health::problem, "no UDP port at https://relay",
         [](Facts& f) { f.tunnel->in_use = true; }},
        {"lan", Health::warning, "no avahi", [](Facts& f) { f.lan = "no avahi"; }},
        {"nat", Health::warning, "another port, at 192.0.2.7",
         [](Facts& f) {
             f.public_address.reset();
             f.firewalled = true;
             f.sampled_address = Endpoint{ours.host, 0};
         }},
        {"nat", Health::warning, "not known yet",
         [](Facts& f) {
             f.public_address.reset();
             f.firewalled = true;
         }},
        {"dht", Health::warning, "being entered", [](Facts& f) { f.in_network = false; }},
        {"channels", Health::warning, "no channel", [](Facts& f) { f.channels = {}; }},
        {"channels", Health::warning, "nobody",
         [](Facts& f) {
             f.channels = {{"lab", 0}};
         }},
        {"storage", Health::problem, "/storage: gone",
         [](Facts& f) { f.storage.trouble = "gone"; }},
        {"storage", Health::warning, "5 MB free",
         [](Facts& f) { f.storage.free_bytes = 5'000'000; }},
        {"clock", Health::problem, "not been set", [](Facts& f) { f.wall = {}; }},
    };
    for (const Row& row : rows) {
        CAPTURE(std::string(row.section));
        CAPTURE(std::string(row.words));
        Facts facts = healthy();
        row.spoil(facts);
        std::size_t found = 0;
        for (const Check& check : examine(facts)) {
            if (check.health == Health::ok) continue;
            ++found;
            CHECK(check.section == row.section);
            CHECK(check.health == row.health);
            CHECK(check.message.find(row.words) != std::string::npos);
            CHECK(!check.advice.empty());
        }
        CHECK(found == 1);
    }
}

TEST_CASE("what this computer itself lacks or forbids is why no DHT node answers") {
    using Code = Finding::Code;
    const auto trouble = [](std::error_code not_sent, bool answered_before) {
        DhtContact contact;
        contact.silent_for = 30s;
        contact.bootstrap_nodes = 1;
        contact.unresolved = {"a: no answer"};
        if (answered_before) contact.last_answer = 31s;
        contact.not_sent = not_sent;
        return dht_trouble(contact)->code;
    };
    for (const bool before : {false, true}) {
        CAPTURE(before);
        CHECK(trouble({}, before) == (before ? Code::dht_silent_for : Code::unresolved));
        CHECK(trouble(make_error_code(std::errc::network_unreachable), before) == Code::no_route);
        for (const auto error : {std::errc::operation_not_permitted, std::errc::permission_denied})
            CHECK(trouble(make_error_code(error), before) == Code::not_let_out);
        CHECK(trouble(asio::error::network_down, before) == Code::no_network);
    }
    DhtContact contact;
    contact.silent_for = 30s;
    contact.bootstrap_nodes = 1;
    contact.rejected = "192.0.2.7:1: Connection refused";
    const auto rejected = dht_trouble(contact);
    REQUIRE(rejected);
    CHECK(rejected->code == Code::rejected);
    CHECK(rejected->what == contact.rejected);
    contact.silent_for.reset();
    contact.last_answer = 1s;
    CHECK_FALSE(dht_trouble(contact));
}

TEST_CASE("a channel that is being joined is one that this node is in") {
    Facts facts = healthy();
    facts.channels = {{.name = "lab", .joined = false}};
    std::size_t found = 0;
    for (const Check& check : examine(facts)) {
        CHECK(check.health == Health::ok);
        found += check.message == "lab: is being joined";
    }
    CHECK(found == 1);
}

TEST_CASE("a relay that has not answered yet is not called unneeded") {
    Facts facts = healthy();
    facts.network_trouble = silence();
    facts.tunnel->asking = true;
    for (const Check& check : examine(facts))
        if (check.section == "tunnel") CHECK(check.health == Health::warning);
}

TEST_CASE("where UDP is blocked it is said why the relay does not help") {
    Facts facts = healthy();
    facts.network_trouble = silence();
    facts.tunnel->failure = "https://relay: it does not know the token";
    std::size_t found = 0;
    for (const Check& check : examine(facts)) {
        if (check.section != "tunnel") continue;
        ++found;
        CHECK(check.health == Health::problem);
        CHECK(check.message == "there is no UDP port at https://relay: it does not know the token");
        CHECK(!check.advice.empty());
    }
    CHECK(found == 1);
}

TEST_CASE("a NAT that shows everybody one port is well") {
    Facts facts = healthy();
    facts.public_address.reset();
    facts.firewalled = true;
    facts.sampled_address = ours;
    for (const Check& check : examine(facts)) {
        CHECK(check.health == Health::ok);
        if (check.section == "nat") CHECK(check.message.find(ours.text()) != std::string::npos);
    }
}

TEST_CASE("the storage is looked at, and not made") {
    const TempDir dir;
    const Facts::Storage there = look_at_storage(dir.path());
    CHECK(there.trouble.empty());
    CHECK(there.free_bytes > 0);
    const auto missing = dir.path() / "missing";
    Facts facts = healthy();
    facts.storage = look_at_storage(missing);
    CHECK(!std::filesystem::exists(missing));
    const auto health = [&facts] {
        const Checks checks = examine(facts);
        return std::ranges::find(checks, "storage", &Check::section)->health;
    };
    CHECK(health() == Health::problem);
    facts.running.reset();  // the first daemon makes it
    CHECK(health() == Health::warning);
}

TEST_CASE("peers and nodes that were not reached as JSON") {
    NodeId node;
    const Clock::Time now{100s};
    Path path;
    path.transport = Path::Transport::tcp;
    path.remote = ours;
    path.rtt = 1500us;
    path.since = Clock::Time{40s};
    PeerReport peer{node, {"lab"}, {path}, {}, "a laptop"};
    proto::JsonWriter json;
    write_peers(json, now, {peer});
    CHECK(json.take() ==
          R"([{"node":")" + node.hex() +
              R"(","label":"a laptop","channels":["lab"],"paths":[{"path":"tcp 192.0.2.7:4000",)" +
              R"("rtt_us":1500,"seconds":60}],"not_taken":[]}])");
    proto::JsonWriter missed;
    write_unreached(missed, {{node,
                              {{.code = Finding::Code::tcp_silent,
                                .node = node,
                                .what = ours.text(),
                                .after = 8s,
                                .path = TriedPath{TriedPath::Way::tcp, ours}}}}});
    const std::string text = missed.take();
    for (const char* part : {R"("stage":"reach")", R"("code":"tcp_silent")", R"("ms":8000)",
                             R"("path":"tcp 192.0.2.7:4000")", R"("advice":"let TCP)"}) {
        CAPTURE(std::string(part));
        CHECK(text.find(part) != std::string::npos);
    }
}
