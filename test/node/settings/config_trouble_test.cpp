#include "node/settings/config_trouble.hpp"

#include <doctest/doctest.h>

#include "test/temp_dir.hpp"

using namespace kp2p;
namespace fs = std::filesystem;

TEST_CASE("a configuration directory is made with what is above it, for its owner alone") {
    test::TempDir temp;
    for (const char* name : {"a", "b/c/d", "e/", "f/g/", ".kachery-p2p", ".kachery-p2p/other"}) {
        CAPTURE(name);
        const fs::path dir = temp.path() / name;
        for (int time = 0; time < 2; ++time) CHECK(make_config_dir(dir));
        CHECK(fs::status(dir).permissions() == fs::perms::owner_all);
    }
}

TEST_CASE("no home directory is made, however it is named") {
    test::TempDir temp;
    const fs::path home = temp.path() / "home";
    for (const char* name : {".kachery-p2p", ".kachery-p2p/", ".kachery-p2p/other"}) {
        const auto made = make_config_dir(home / name);
        REQUIRE(!made);
        CHECK(made.error() == std::errc::no_such_file_or_directory);
    }
    CHECK(!fs::exists(home));
}

TEST_CASE("one that is named from where one is, is made there") {
    test::TempDir temp;
    const fs::path before = fs::current_path();
    fs::current_path(temp.path());
    for (const char* name : {"config", ".kachery-p2p", "x/y"}) CHECK(make_config_dir(name));
    fs::current_path(before);
    for (const char* name : {"config", ".kachery-p2p", "x/y"})
        CHECK(fs::is_directory(temp.path() / name));
}
