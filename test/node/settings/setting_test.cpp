#include "node/settings/setting.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

using namespace kp2p;

TEST_CASE("each row of the table has names of its own, and a default that fits") {
    std::set<std::string_view> names;
    for (const Setting& setting : setting_table()) {
        CAPTURE(std::string(setting.flag));
        CHECK(setting.flag.starts_with("--"));
        CHECK(names.insert(setting.flag).second);
        for (const std::string_view name : {setting.variable, setting.key})
            if (!name.empty()) CHECK(names.insert(name).second);
        CHECK(!setting.help.empty());
        CHECK(setting.value.empty() == (setting.shape == Setting::Shape::toggle));
        Settings settings;
        std::string complaint;
        if (!setting.initial.empty())
            CHECK(setting.read(settings, {std::string(setting.initial)}, complaint));
        CHECK(setting.is_for(Needs::node));
        CHECK(!setting.is_for(Needs::nothing));
    }
}

TEST_CASE("help says a setting's default and its other names") {
    Setting setting{.flag = "--a", .help = "a thing"};
    CHECK(setting.full_help() == "a thing");
    setting.initial = "1";
    setting.variable = "A";
    setting.key = "a";
    setting.changed_by = "kp2p-a";
    CHECK(setting.full_help() ==
          "a thing [default: 1; environment: A; in config.json: a; while it runs: kp2p-a]");
}

TEST_CASE("a switch is true or false") {
    std::string complaint;
    bool on = false;
    CHECK(read_value({"true"}, on, complaint));
    CHECK(on);
    CHECK(read_value({"false"}, on, complaint));
    CHECK(!on);
    CHECK(read_value({"yes"}, on, complaint).error() == Errc::usage);
    CHECK(complaint == "neither true nor false: yes");
}

TEST_CASE("the URL of a relay is read, and what is wrong with it is said without it") {
    const auto row = std::ranges::find_if(
        setting_table(), [](const Setting& each) { return each.flag == "--relay-url"; });
    REQUIRE(row != setting_table().end());
    Settings settings;
    std::string complaint;
    CHECK(row->read(settings, {"https://relay.lab.edu/#12345678"}, complaint));
    REQUIRE(settings.relay_url);
    CHECK(settings.relay_url->host == "relay.lab.edu");
    CHECK(row->read(settings, {"https://relay.lab.edu/#se cret"}, complaint).error() ==
          Errc::usage);
    CHECK(complaint.find("se cret") == complaint.npos);
    CHECK(complaint.find("8 to 128 letters") != complaint.npos);
    CHECK(row->read(settings, {"none"}, complaint));
    CHECK_FALSE(settings.relay_url);
}
