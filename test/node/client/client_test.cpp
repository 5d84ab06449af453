#include <doctest/doctest.h>

#include <fstream>
#include <map>

#include "node/client/channel_names.hpp"
#include "node/client/command.hpp"
#include "node/client/config.hpp"
#include "node/client/daemon.hpp"
#include "proto/endpoint.hpp"
#include "test/temp_dir.hpp"

using namespace kp2p;
using client::Command;
using client::Config;
using client::Flags;
using client::Needs;

namespace {

using Variables = std::map<std::string, std::string>;

client::Environment environment(Variables variables) {
    return
        [variables = std::move(variables)](const std::string& name) -> std::optional<std::string> {
            const auto found = variables.find(name);
            if (found == variables.end()) return std::nullopt;
            return found->second;
        };
}

void write(const std::filesystem::path& path, std::string_view text) {
    std::ofstream(path) << text;
}

// What `command` makes of these words.
template <class Body>
int run(Command& command, std::vector<std::string> words, Body body) {
    words.insert(words.begin(), "command");
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    return command.run(static_cast<int>(argv.size()), argv.data(),
                       std::function<Result<void>()>(body));
}

}  // namespace

TEST_CASE("flags win over the environment, that over config.json, that over defaults") {
    test::TempDir temp;
    const std::string dir = temp.path().string();
    std::string why;

    auto none = Config::resolve(Needs::node, {}, environment({{"HOME", dir}}), why);
    REQUIRE(none);
    CHECK(none->dir() == temp.path() / ".kachery-p2p");
    CHECK(none->api_port() == client::default_api_port);
    CHECK(*none->storage_dir() == temp.path() / "kachery-storage");
    CHECK(std::filesystem::is_directory(temp.path() / "kachery-storage"));

    write(temp.path() / "config.json",
          R"({"api_port": 1, "storage_dir": ")" + dir + R"(", "bootstrap": ["1.2.3.4:5"]})");
    auto file =
        Config::resolve(Needs::node, {.config_dir = dir}, environment({{"HOME", dir}}), why);
    REQUIRE(file);
    CHECK(file->api_port() == 1);
    CHECK(*file->storage_dir() == temp.path());
    CHECK(file->bootstrap() == std::vector<std::string>{"1.2.3.4:5"});

    const auto variables = environment({{"HOME", dir},
                                        {"KACHERY_P2P_CONFIG_DIR", dir},
                                        {"KACHERY_P2P_API_PORT", "2"},
                                        {"KACHERY_STORAGE_DIR", dir + "/missing"}});
    auto variable = Config::resolve(Needs::node, {}, variables, why);
    REQUIRE(variable);
    CHECK(variable->dir() == temp.path());
    CHECK(variable->api_port() == 2);
    CHECK(variable->storage_dir().error() == Errc::storage_unavailable);

    auto flag = Config::resolve(Needs::node, {.api_port = 3}, variables, why);
    REQUIRE(flag);
    CHECK(flag->api_port() == 3);
}

TEST_CASE("a daemon is found at the port it wrote down, unless another was named") {
    test::TempDir temp;
    const std::string dir = temp.path().string();
    std::string why;
    write(temp.path() / "api-port", "4242\n");
    CHECK(Config::resolve(Needs::node, {.config_dir = dir}, environment({}), why)->daemon_port() ==
          4242);
    CHECK(Config::resolve(Needs::node, {.config_dir = dir, .api_port = 5}, environment({}), why)
              ->daemon_port() == 5);
}

TEST_CASE("malformed configuration says what is wrong") {
    test::TempDir temp;
    const std::string dir = temp.path().string();
    struct Row {
        const char* name;
        const char* file;
        Variables variables;
        const char* word;  // that the reason holds
    };
    const Row rows[] = {
        {"no home", nullptr, {}, "HOME"},
        {"port", nullptr, {{"HOME", dir}, {"KACHERY_P2P_API_PORT", "x"}}, "API_PORT"},
        {"not json", "{", {{"KACHERY_P2P_CONFIG_DIR", dir}}, "config.json"},
        {"not an object", "[]", {{"KACHERY_P2P_CONFIG_DIR", dir}}, "config.json"},
        {"wrong type", R"({"api_port": "1"})", {{"KACHERY_P2P_CONFIG_DIR", dir}}, "type"},
        {"too big", R"({"api_port": 65536})", {{"KACHERY_P2P_CONFIG_DIR", dir}}, "type"},
    };
    for (const Row& row : rows) {
        CAPTURE(row.name);
        if (row.file) write(temp.path() / "config.json", row.file);
        std::string why;
        CHECK(Config::resolve(Needs::node, {}, environment(row.variables), why).error() ==
              Errc::usage);
        CHECK(why.find(row.word) != std::string::npos);
    }
}

TEST_CASE("a command parses its arguments and returns the exit status of its body") {
    test::TempDir temp;
    const std::string dir = temp.path().string();
    struct Row {
        const char* name;
        std::vector<std::string> words;
        int exit_status;
    };
    const Row rows[] = {
        {"all", {"1.2.3.4:5", "a", "b", "--number", "7", "--bare"}, 0},
        {"missing argument", {}, 2},
        {"malformed argument", {"nonsense", "a"}, 2},
        {"malformed option", {"1.2.3.4:5", "a", "--number", "-1"}, 2},
        {"unknown option", {"1.2.3.4:5", "a", "--fast"}, 2},
        {"help", {"--help"}, 0},
        {"version", {"--version"}, 0},
    };
    for (const Row& row : rows) {
        CAPTURE(row.name);
        Command command("test", "a test", Needs::daemon);
        const auto& endpoint = command.argument<Endpoint>("ENDPOINT", "an address");
        const auto& names = command.arguments<std::string>("NAME", "some names");
        const auto& number = command.option<std::uint64_t>("--number", "N", "a number");
        const bool& bare = command.flag("--bare", "no more");
        bool ran = false;
        auto words = row.words;
        words.insert(words.end(), {"--config-dir", dir});
        CHECK(run(command, words, [&]() -> Result<void> {
                  ran = true;
                  CHECK(endpoint->text() == "1.2.3.4:5");
                  CHECK(names == std::vector<std::string>{"a", "b"});
                  CHECK(number == 7);
                  CHECK(bare);
                  return ok;
              }) == row.exit_status);
        CHECK(ran == (row.name == rows[0].name));
    }
}

TEST_CASE("a configuration directory is looked for only when it is used") {
    test::TempDir temp;
    struct Row {
        const char* name;
        Needs needs;
        Flags flags;
        bool resolves;
    };
    const Row rows[] = {
        {"nothing", Needs::nothing, {}, true},
        {"storage", Needs::storage, {.storage_dir = temp.path().string()}, true},
        {"storage unnamed", Needs::storage, {}, false},
        {"daemon", Needs::daemon, {.api_port = 1}, false},
        {"node", Needs::node, {.storage_dir = temp.path().string()}, false},
        {"node with its own", Needs::node, {.config_dir = temp.path().string()}, true},
    };
    for (const Row& row : rows) {
        CAPTURE(row.name);
        std::string why;
        auto config = Config::resolve(row.needs, row.flags, environment({}), why);
        CHECK(bool(config) == row.resolves);
        if (config && row.flags.storage_dir) CHECK(*config->storage_dir() == temp.path());
    }
}

TEST_CASE("each error has its exit status") {
    struct Row {
        Errc code;
        int exit_status;
    };
    const Row rows[] = {{Errc::failed, 1},    {Errc::usage, 2},
                        {Errc::no_daemon, 3}, {Errc::not_found, 4},
                        {Errc::canceled, 1},  {Errc::verification_failed, 5},
                        {Errc::refused, 1},   {Errc::out_of_space, 6}};
    for (const Row& row : rows) {
        Command command("test", "a test", Needs::nothing);
        CHECK(run(command, {}, [&]() -> Result<void> { return row.code; }) == row.exit_status);
    }
}

TEST_CASE("a channel file has so many lines, and none of more is left out silently") {
    test::TempDir temp;
    const std::string file = (temp.path() / "names").string();
    for (const std::size_t lines : {10'000u, 10'001u}) {
        std::string text;
        for (std::size_t i = 0; i < lines; ++i) text += "x" + std::to_string(i) + "\n";
        write(file, text);
        Command command("test", "a test", Needs::nothing);
        std::size_t read = 0;
        const int status = run(command, {}, [&]() -> Result<void> {
            auto names = client::read_channel_file(command, file);
            if (!names) return names.error();
            read = names->size();
            return ok;
        });
        CHECK(status == (lines > 10'000 ? 2 : 0));
        CHECK(read == (lines > 10'000 ? 0 : lines));
    }
}

TEST_CASE("no daemon at the port is an error of its own") {
    test::TempDir temp;
    write(temp.path() / "api-port", "1\n");  // tcpmux: nothing listens there
    Command command("test", "a test", Needs::daemon);
    std::string dir = temp.path().string(), name = "test", flag = "--config-dir";
    char* argv[] = {name.data(), flag.data(), dir.data()};
    const auto ask = [](client::Daemon& daemon) -> Result<void> {
        auto answer = daemon.request({"/v1/status", "node", {}, "GET"});
        return answer ? Result<void>(ok) : answer.error();
    };
    CHECK(command.run(3, argv, std::function<Result<void>(client::Daemon&)>(ask)) == 3);
}
