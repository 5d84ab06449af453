#include "node/client/config.hpp"

#include <simdjson.h>
#include <sys/stat.h>

#include <cstdlib>
#include <fstream>

#include "proto/number.hpp"
#include "proto/outcome.hpp"

namespace kp2p::client {
namespace {

namespace fs = std::filesystem;
using simdjson::dom::element;

// The first line of a small file; empty if there is none.
std::string first_line(const fs::path& path) {
    std::ifstream file(path);
    std::string line;
    std::getline(file, line);
    return line;
}

// Each reads one key of config.json: false if it is there and not of that type.
bool read_key(const element& json, const char* key, std::optional<std::string>& into) {
    element value;
    if (json[key].get(value) != simdjson::SUCCESS) return true;
    std::string_view text;
    if (value.get(text) != simdjson::SUCCESS) return false;
    into = text;
    return true;
}

bool read_key(const element& json, const char* key, std::optional<std::uint16_t>& into) {
    element value;
    if (json[key].get(value) != simdjson::SUCCESS) return true;
    std::uint64_t number = 0;
    if (value.get(number) != simdjson::SUCCESS || number > 65535) return false;
    into = static_cast<std::uint16_t>(number);
    return true;
}

bool read_key(const element& json, const char* key, std::vector<std::string>& into) {
    element value;
    if (json[key].get(value) != simdjson::SUCCESS) return true;
    simdjson::dom::array items;
    if (value.get(items) != simdjson::SUCCESS) return false;
    for (const element item : items) {
        std::string_view text;
        if (item.get(text) != simdjson::SUCCESS) return false;
        into.emplace_back(text);
    }
    return true;
}

}  // namespace

std::optional<std::string> process_environment(const std::string& name) {
    const char* value = std::getenv(name.c_str());
    if (!value || !*value) return std::nullopt;
    return value;
}

Result<Config> Config::resolve(Needs needs, const Flags& flags, const Environment& environment,
                               std::string& why) {
    Config config;
    if (needs == Needs::nothing) return config;
    for (const auto& [name, value] : {std::pair("--config-dir", &flags.config_dir),
                                      std::pair("--storage-dir", &flags.storage_dir)}) {
        if (!*value || !(*value)->empty()) continue;
        why = std::string(name) + " names no directory";
        return Errc::usage;
    }
    const auto home = environment("HOME");
    const auto dir = flags.config_dir ? flags.config_dir : environment("KACHERY_P2P_CONFIG_DIR");
    const auto storage = flags.storage_dir ? flags.storage_dir : environment("KACHERY_STORAGE_DIR");
    if (home) config.storage_dir_ = fs::path(*home) / "kachery-storage";
    if (needs != Needs::storage || !storage) {
        if (!dir && !home) {
            why = "HOME is not set, and neither is KACHERY_P2P_CONFIG_DIR";
            return Errc::usage;
        }
        config.dir_ = dir ? fs::path(*dir) : fs::path(*home) / ".kachery-p2p";
        if (auto read = config.read_file(why); !read) return read.error();
    }
    if (storage) config.name_storage(*storage);
    if (needs == Needs::storage) return config;

    config.told_port_ = flags.api_port;
    const auto port = environment("KACHERY_P2P_API_PORT");
    if (!config.told_port_ && port) {
        config.told_port_ = parse_number<std::uint16_t>(*port);
        if (!config.told_port_) {
            why = "KACHERY_P2P_API_PORT is not a port number: " + *port;
            return Errc::usage;
        }
    }
    return config;
}

void Config::name_storage(fs::path dir) {
    storage_dir_ = std::move(dir);
    storage_named_ = true;
}

Result<void> Config::read_file(std::string& why) {
    const fs::path path = dir_ / "config.json";
    std::error_code error;
    if (!fs::exists(path, error)) return ok;
    simdjson::dom::parser parser;
    element json;
    std::optional<std::string> storage;
    std::optional<std::uint16_t> api_port;
    if (parser.load(path.string()).get(json) != simdjson::SUCCESS || !json.is_object()) {
        why = path.string() + " is not a JSON object";
        return Errc::usage;
    }
    if (!read_key(json, "storage_dir", storage) || !read_key(json, "api_port", api_port) ||
        !read_key(json, "host", host_) || !read_key(json, "port", port_) ||
        !read_key(json, "bootstrap", bootstrap_)) {
        why = path.string() + " holds a value of the wrong type";
        return Errc::usage;
    }
    default_port_ = api_port.value_or(default_api_port);
    if (storage) name_storage(*storage);
    return ok;
}

std::uint16_t Config::daemon_port() const {
    if (told_port_ && *told_port_) return *told_port_;
    return parse_number<std::uint16_t>(first_line(dir_ / "api-port")).value_or(default_port_);
}

std::optional<fs::path> Config::api_socket() const {
    if (told_port_ && *told_port_ &&
        told_port_ != parse_number<std::uint16_t>(first_line(dir_ / "api-port")))
        return std::nullopt;
    std::error_code error;
    fs::path path = dir_ / "api.sock";
    if (!fs::is_socket(path, error)) return std::nullopt;
    return path;
}

std::string Config::api_token() const { return first_line(dir_ / "api-token"); }

Result<fs::path> Config::storage_dir() const {
    std::error_code error;
    if (storage_dir_.empty()) return Errc::storage_unavailable;
    if (!storage_named_) {
        fs::create_directories(storage_dir_.parent_path(), error);
        (void)::mkdir(storage_dir_.c_str(), S_IRWXU);
    }
    if (!fs::is_directory(storage_dir_, error)) return Errc::storage_unavailable;
    fs::path absolute = fs::absolute(storage_dir_, error);
    if (error) return Errc::storage_unavailable;
    return absolute;
}

}  // namespace kp2p::client
