#include "node/process/config_dir.hpp"

#include <doctest/doctest.h>

#include <fstream>

#include "node/store/temp_file.hpp"
#include "proto/outcome.hpp"
#include "test/temp_dir.hpp"

using namespace kp2p;
namespace fs = std::filesystem;

namespace {

SystemRandom config_random;

std::unique_ptr<ConfigDir> open(const fs::path& path) {
    std::string why;
    auto opened = ConfigDir::open(path, config_random, why);
    CAPTURE(why);
    REQUIRE(opened);
    return *std::move(opened);
}

}  // namespace

TEST_CASE("what a configuration directory keeps is there the next time") {
    test::TempDir temp;
    const fs::path path = temp.path() / "a" / "b";
    const std::vector<ChannelName> channels = {*ChannelName::parse("our lab"),
                                               *ChannelName::parse("ü")};
    const std::vector<Endpoint> nodes = {Endpoint::loopback(1), Endpoint::loopback(2)};
    std::string why;
    proto::ApiToken token;
    proto::Seed seed;
    {
        auto config = open(path);
        seed = *config->key_seed(why);
        token = *config->new_api_token(why);
        CHECK(token.hex() != seed.hex());
        CHECK(config->channels(why)->empty());
        CHECK(config->known_nodes().empty());
        CHECK(config->keep_channels(channels));
        CHECK(config->keep_known_nodes(nodes));
        CHECK(config->keep_remembered({"--port 1"}));
        CHECK(config->keep_api_port(4000));
        CHECK(fs::exists(path / "api-port"));
    }
    auto config = open(path);
    CHECK(*config->key_seed(why) == seed);
    CHECK(*config->new_api_token(why) != token);
    CHECK(*config->channels(why) == channels);
    CHECK(config->known_nodes() == nodes);
    CHECK(!fs::exists(path / "api-port"));
    CHECK(fs::status(path).permissions() == fs::perms::owner_all);
    for (const char* name : {"key", "api-token", "channels", "known-nodes", "remembered"})
        CHECK(fs::status(path / name).permissions() ==
              (fs::perms::owner_read | fs::perms::owner_write));
}

TEST_CASE("a second node in one configuration directory is refused") {
    test::TempDir temp;
    auto first = open(temp.path());
    std::string why;
    CHECK(ConfigDir::open(temp.path(), config_random, why).error() == Errc::limit_reached);
    CHECK(why.find(temp.path().string()) != std::string::npos);
    first.reset();
    open(temp.path());
}

TEST_CASE("a damaged key is an error, and is not replaced") {
    test::TempDir temp;
    auto config = open(temp.path());
    for (const std::string text : {"", "\n", "xyz\n", "00\n"}) {
        CAPTURE(text);
        std::ofstream(temp.path() / "key") << text;
        std::string why;
        CHECK(config->key_seed(why).error() == proto::Errc::bad_text);
        CHECK(why.find("key") != std::string::npos);
        CHECK(fs::file_size(temp.path() / "key") == text.size());
    }
}

TEST_CASE("lines that are no channel and no node are left out") {
    test::TempDir temp;
    auto config = open(temp.path());
    std::ofstream(temp.path() / "channels") << "\nlab\n\x01\n" << std::string(300, 'x');
    std::ofstream(temp.path() / "known-nodes") << "1.2.3.4:5\nnonsense\n\n";
    std::string why;
    CHECK(*config->channels(why) == std::vector<ChannelName>{*ChannelName::parse("lab")});
    CHECK(config->known_nodes() == std::vector<Endpoint>{{{1, 2, 3, 4}, 5}});
}

TEST_CASE("keys of channels are kept, and damaged ones are left out") {
    test::TempDir temp;
    auto config = open(temp.path());
    const fs::path file = temp.path() / "channel-keys";
    const auto lab = *ChannelName::parse("our lab"), other = *ChannelName::parse("ü");
    ChannelKey key, other_key;
    key.data()[0] = 1;
    other_key.data()[31] = 2;
    CHECK(config->channel_keys({lab}).empty());
    REQUIRE(config->keep_channel_keys({{lab, key}, {other, other_key}}));
    CHECK(fs::status(file).permissions() == (fs::perms::owner_read | fs::perms::owner_write));
    CHECK(config->channel_keys({lab}) == ChannelKeys{{lab, key}});
    CHECK(config->channel_keys({lab, other, *ChannelName::parse("x")}).size() == 2);
    std::string text;
    std::getline(std::ifstream(file), text, '\0');
    CHECK(text.find("lab") == text.npos);
    // Whatever byte is wrong: never a wrong key.
    for (std::size_t at = 0; at < text.size(); at += 7) {
        CAPTURE(at);
        std::string damaged = text;
        damaged[at] = damaged[at] == '0' ? '1' : '0';
        std::ofstream(file) << damaged;
        for (const auto& [name, read] : config->channel_keys({lab, other}))
            CHECK(read == (name == lab ? key : other_key));
        std::ofstream(file) << text.substr(0, at);
        for (const auto& [name, read] : config->channel_keys({lab, other}))
            CHECK(read == (name == lab ? key : other_key));
    }
}

TEST_CASE("channels that cannot be read are an error, not an empty list") {
    test::TempDir temp;
    auto config = open(temp.path());
    fs::create_directory(temp.path() / "channels");
    std::string why;
    CHECK(!config->channels(why));
    CHECK(why.find("channels") != std::string::npos);
}

TEST_CASE("a secret is never readable by others, not even while it is written") {
    test::TempDir temp;
    auto secret = TempFile::create_in(temp.path(), File::Mode::create_secret);
    REQUIRE(secret);
    CHECK(fs::status(secret->path()).permissions() ==
          (fs::perms::owner_read | fs::perms::owner_write));
}
