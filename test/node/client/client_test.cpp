#include <doctest/doctest.h>
#include <pwd.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
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
    CHECK(none->daemon_port() == usual_api_port);
    CHECK(none->is_port_guessed());
    CHECK(*none->storage_dir() == temp.path() / "kachery-storage");
    CHECK(std::filesystem::is_directory(temp.path() / "kachery-storage"));

    write(temp.path() / "config.json",
          R"({"api_port": 1, "storage_dir": ")" + dir + R"(", "bootstrap": ["1.2.3.4:5"]})");
    const Flags here{{"--config-dir", {dir}}};
    auto file = Config::resolve(Needs::node, here, environment({{"HOME", dir}}), why);
    REQUIRE(file);
    CHECK(file->settings().api_port == 1);
    CHECK(!file->is_port_guessed());
    CHECK(*file->storage_dir() == temp.path());
    CHECK(file->settings().bootstrap == std::vector<std::string>{"1.2.3.4:5"});
    CHECK(file->remarks().empty());

    const auto variables = environment({{"HOME", dir},
                                        {"KACHERY_P2P_CONFIG_DIR", dir},
                                        {"KACHERY_P2P_API_PORT", "2"},
                                        {"KACHERY_STORAGE_DIR", dir + "/missing"}});
    auto variable = Config::resolve(Needs::node, {}, variables, why);
    REQUIRE(variable);
    CHECK(variable->dir() == temp.path());
    CHECK(variable->settings().api_port == 2);
    CHECK(variable->storage_dir().error() == Errc::storage_unavailable);

    auto flag = Config::resolve(Needs::node, {{"--api-port", {"3"}}}, variables, why);
    REQUIRE(flag);
    CHECK(flag->settings().api_port == 3);
}

TEST_CASE("why config.json cannot be read is said") {
    test::TempDir temp;
    std::filesystem::create_symlink("config.json", temp.path() / "config.json");
    std::string why;
    const Flags here{{"--config-dir", {temp.path().string()}}};
    CHECK(Config::resolve(Needs::node, here, environment({}), why).error() == Errc::usage);
    CHECK(why == (temp.path() / "config.json").string() + ": " + std::strerror(ELOOP));
}

TEST_CASE("config.json may begin with the mark that some editors put before UTF-8") {
    test::TempDir temp;
    write(temp.path() / "config.json", "\xef\xbb\xbf{\"port\": 1}");
    const Flags here{{"--config-dir", {temp.path().string()}}};
    std::string why;
    auto config = Config::resolve(Needs::node, here, environment({}), why);
    REQUIRE(config);
    CHECK(config->settings().port == 1);
}

TEST_CASE("what is remembered wins over config.json, and a flag over it") {
    test::TempDir temp;
    write(temp.path() / "config.json", R"({"port": 1, "host": "1.1.1.1", "api_port": 4})");
    write(temp.path() / "remembered",
          "--port 2\n--bootstrap a:1\n--bootstrap b:2\n--api-port 3\n\nnonsense\n");
    std::string why;
    Flags flags{{"--config-dir", {temp.path().string()}}};
    auto config = Config::resolve(Needs::node, flags, environment({}), why);
    REQUIRE(config);
    CHECK(config->settings().port == 2);
    CHECK(config->settings().bootstrap == std::vector<std::string>{"a:1", "b:2"});
    CHECK(config->settings().api_port == 4);  // is none of those
    CHECK(config->settings().to_remember ==
          std::vector<std::string>{"--bootstrap a:1", "--bootstrap b:2", "--port 2"});
    flags["--port"] = {"0"};
    flags["--bootstrap"] = {"self"};
    config = Config::resolve(Needs::node, flags, environment({}), why);
    REQUIRE(config);
    CHECK(config->settings().port == 0);
    CHECK(config->settings().to_remember ==
          std::vector<std::string>{"--bootstrap self", "--port 0"});
    write(temp.path() / "remembered", "--port x\n");
    flags.erase("--port");
    CHECK(!Config::resolve(Needs::node, flags, environment({}), why));
    CHECK(why == (temp.path() / "remembered").string() +
                     ": --port: not a whole number from 0 to 65535: x");
}

TEST_CASE("a process without HOME has its user's") {
    const auto before = client::process_environment("HOME");
    ::unsetenv("HOME");
    const passwd* user = ::getpwuid(::geteuid());
    REQUIRE(user);
    CHECK(client::process_environment("HOME") == user->pw_dir);
    CHECK(!client::process_environment("KACHERY_P2P_NOT_SET"));
    if (before) ::setenv("HOME", before->c_str(), 1);
}

TEST_CASE("a daemon is found at the port it wrote down, unless another was named") {
    test::TempDir temp;
    std::string why;
    write(temp.path() / "api-port", "4242\n");
    Flags flags{{"--config-dir", {temp.path().string()}}};
    CHECK(Config::resolve(Needs::node, flags, environment({}), why)->daemon_port() == 4242);
    flags["--api-port"] = {"5"};
    CHECK(Config::resolve(Needs::node, flags, environment({}), why)->daemon_port() == 5);
    flags["--api-port"] = {"0"};
    CHECK(Config::resolve(Needs::node, flags, environment({}), why)->daemon_port() == 4242);
    std::filesystem::remove(temp.path() / "api-port");
    const auto any = Config::resolve(Needs::node, flags, environment({}), why);
    REQUIRE(any);
    CHECK(any->daemon_port() == usual_api_port);
    CHECK(any->is_port_guessed());
}

TEST_CASE("a value that does not fit is a usage error that names where it came from") {
    test::TempDir temp;
    const std::string dir = temp.path().string();
    const std::string file = (temp.path() / "config.json").string() + ": \"";
    const Variables here{{"KACHERY_P2P_CONFIG_DIR", dir}};
    struct Row {
        const char* name;
        const char* json;
        Variables variables;
        Flags flags;
        std::string words;  // what the reason begins with
    };
    const Row rows[] = {
        {"no home", nullptr, {}, {}, "HOME is not set"},
        {"variable",
         nullptr,
         {{"HOME", dir}, {"KACHERY_P2P_API_PORT", "x"}},
         {},
         "KACHERY_P2P_API_PORT: not a whole number from 0 to 65535: x"},
        {"flag",
         nullptr,
         here,
         {{"--port", {"65536"}}},
         "--port: not a whole number from 0 to 65535: 65536"},
        {"address", nullptr, here, {{"--host", {"here"}}}, "--host: not an IP address: here"},
        {"network",
         nullptr,
         here,
         {{"--bootstrap", {"none", "a:1"}}},
         "--bootstrap: takes HOST:PORT, or one of public, none and self alone, not none"},
        {"nobody",
         R"({"bootstrap": []})",
         here,
         {},
         file + "bootstrap\": names nobody; [\"none\"]"},
        {"channel", nullptr, here, {{"--channel", {"\n"}}}, "--channel: a channel's name is 1"},
        {"no directory", nullptr, here, {{"--storage-dir", {""}}}, "--storage-dir: it is empty"},
        {"flag over file", R"({"port": "1"})", here, {{"--port", {"-1"}}}, "--port: not a whole"},
        {"not json", "{", here, {}, (temp.path() / "config.json").string() + " is not a JSON"},
        {"not an object", "[]", here, {}, (temp.path() / "config.json").string() + " is not a"},
        {"type", R"({"api_port": "1"})", here, {}, file + "api_port\": not a whole number"},
        {"negative", R"({"port": -1})", here, {}, file + "port\": not a whole number"},
        {"size", R"({"port": 65536})", here, {}, file + "port\": not a whole number from 0 to 655"},
        {"item", R"({"bootstrap": ["a:1", 1]})", here, {}, file + "bootstrap\": not an array of"},
        {"entry", R"({"bootstrap": ["a"]})", here, {}, file + "bootstrap\": takes HOST:PORT"},
        {"no string", R"({"host": 1})", here, {}, file + "host\": not a string"},
    };
    for (const Row& row : rows) {
        CAPTURE(row.name);
        std::filesystem::remove(temp.path() / "config.json");
        if (row.json) write(temp.path() / "config.json", row.json);
        std::string why;
        auto config = Config::resolve(Needs::node, row.flags, environment(row.variables), why);
        CHECK(config.error() == Errc::usage);
        CAPTURE(why);
        CHECK(why.starts_with(row.words));
    }
}

TEST_CASE("keys that nobody knows are remarks, and what a command does not use is not looked at") {
    test::TempDir temp;
    write(temp.path() / "config.json", R"({"prot": 1, "": 2, "port": "x", "api_port": 7})");
    std::string why;
    const Flags here{{"--config-dir", {temp.path().string()}}};
    auto config = Config::resolve(Needs::daemon, here, environment({}), why);
    REQUIRE(config);
    CHECK(config->settings().api_port == 7);
    const std::string path = (temp.path() / "config.json").string();
    CHECK(config->remarks() == std::vector<std::string>{path + ": there is no setting \"prot\"",
                                                        path + ": there is no setting \"\""});
    CHECK(!Config::resolve(Needs::node, here, environment({}), why));
}

TEST_CASE("what was remembered and is damaged is said, and what is left of it holds") {
    test::TempDir temp;
    const Flags here{{"--config-dir", {temp.path().string()}}};
    const std::string path = (temp.path() / "remembered").string();
    struct Row {
        const char* name;
        std::string text;
        std::vector<std::string> remarks;
    };
    const std::string lost = ": what earlier starts were told may be forgotten";
    const Row rows[] = {
        {"whole", "--host 127.0.0.1\n", {}},
        {"cut off", "--host 127.0.0.1\n--bootst", {path + ": line 2 is not understood" + lost}},
        {"another's",
         "\x01\x02 3\n--host 127.0.0.1\n",
         {path + ": line 1 is not understood" + lost}},
    };
    for (const Row& row : rows) {
        CAPTURE(row.name);
        write(temp.path() / "remembered", row.text);
        std::string why;
        auto config = Config::resolve(Needs::node, here, environment({}), why);
        REQUIRE(config);
        CHECK(config->remarks() == row.remarks);
        CHECK(config->settings().to_remember == std::vector<std::string>{"--host 127.0.0.1"});
    }
    std::filesystem::remove(temp.path() / "remembered");
    std::filesystem::create_directory(temp.path() / "remembered");
    std::string why;
    auto config = Config::resolve(Needs::node, here, environment({}), why);
    REQUIRE(config);
    CHECK(config->remarks() == std::vector<std::string>{path + " cannot be read" + lost});
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
        {"storage", Needs::storage, {{"--storage-dir", {temp.path().string()}}}, true},
        {"storage unnamed", Needs::storage, {}, false},
        {"daemon", Needs::daemon, {{"--api-port", {"1"}}}, false},
        {"node", Needs::node, {{"--storage-dir", {temp.path().string()}}}, false},
        {"node with its own", Needs::node, {{"--config-dir", {temp.path().string()}}}, true},
    };
    for (const Row& row : rows) {
        CAPTURE(row.name);
        std::string why;
        auto config = Config::resolve(row.needs, row.flags, environment({}), why);
        CHECK(bool(config) == row.resolves);
        if (config && row.flags.contains("--storage-dir"))
            CHECK(*config->storage_dir() == temp.path());
    }
}

TEST_CASE("each error has its exit status") {
    struct Row {
        std::error_code code;
        int exit_status;
    };
    const Row rows[] = {{Errc::failed, 1},
                        {Errc::usage, 2},
                        {Errc::no_daemon, 3},
                        {Errc::not_found, 4},
                        {Errc::canceled, 1},
                        {Errc::verification_failed, 5},
                        {Errc::refused, 1},
                        {Errc::out_of_space, 6},
                        {{ENOSPC, std::generic_category()}, 6},
                        {{EDQUOT, std::generic_category()}, 6}};
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
