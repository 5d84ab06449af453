#include "node/process/config_dir.hpp"

#include "node/log/log.hpp"
#include "node/settings/config_trouble.hpp"
#include "node/store/directories.hpp"
#include "proto/crypto/hash.hpp"
#include "proto/outcome.hpp"

namespace kp2p {
namespace {

namespace fs = std::filesystem;

// Far more than the longest of these files has.
constexpr std::size_t max_file_bytes = 1 << 20;

std::error_code say(std::string& why, const fs::path& path, std::error_code error) {
    why = config_trouble(path, error);
    return error;
}

constexpr std::size_t hash_digits = 2 * Hash32::size_bytes;

Hash32 hash_of(const ChannelName& name) {
    return proto::blake2b_256(as_bytes("kp2p channel name"), as_bytes(name.text()));
}

std::string key_line(const ChannelName& name, const ChannelKey& key) {
    const Hash32 check = proto::keyed_blake2b_256(key.view(), as_bytes(name.text()));
    return hash_of(name).hex() + ' ' + key.hex() + ' ' + check.hex();
}

}  // namespace

Result<std::unique_ptr<ConfigDir>> ConfigDir::open(const fs::path& path, Random& random,
                                                   std::string& why) {
    const auto failed = [&](std::error_code error) {
        why = config_trouble(path / "lock", error);
        return error;
    };
    if (auto made = make_config_dir(path, make_directory_durably); !made)
        return failed(made.error());
    std::error_code ignored;
    const bool was_there = fs::exists(fs::symlink_status(path / "lock", ignored));
    auto lock = File::open(path / "lock", File::Mode::update);
    if (!lock) return failed(lock.error());
    if (!was_there) give_to_owner_of(path, *lock);
    const std::string host = other_host_of_daemon(path);
    if (lock->try_lock() == File::Lock::busy) {
        why = "another daemon runs in " + path.string();
        if (!host.empty()) why += ", on " + host + own_config_dir_each;
        return Errc::limit_reached;
    }
    if (!host.empty() && may_still_run(path))
        log(LogLevel::warning, "daemon",
            "a daemon on " + host + " was killed in " + path.string() + ", or still runs" +
                own_config_dir_each);
    if (lock->resize(0)) (void)lock->write_at(0, as_bytes(own_host()));
    TempFile::sweep(path);
    return std::unique_ptr<ConfigDir>(new ConfigDir(path, random, *std::move(lock)));
}

ConfigDir::~ConfigDir() {
    std::error_code ignored;
    fs::remove(path_ / "api-port", ignored);
}

Result<proto::Seed> ConfigDir::key_seed(std::string& why) const {
    const fs::path path = path_ / "key";
    if (auto bytes = read_small_file(path, max_file_bytes)) {
        std::error_code ignored;
        fs::permissions(path, fs::perms::owner_read | fs::perms::owner_write, ignored);
        const std::string_view text = as_text(*bytes);
        auto seed = proto::Seed::from_hex(text.substr(0, text.find('\n')));
        if (!seed) return say(why, path, proto::Errc::bad_text);
        return seed;
    } else if (bytes.error() != std::errc::no_such_file_or_directory) {
        return say(why, path, bytes.error());
    }
    const auto fresh = random_.bytes<proto::Seed>();
    if (auto kept = keep("key", fresh.hex() + '\n'); !kept) return say(why, path, kept.error());
    return fresh;
}

Result<proto::ApiToken> ConfigDir::new_api_token(std::string& why) const {
    const auto fresh = random_.bytes<proto::ApiToken>();
    if (auto kept = keep("api-token", fresh.hex() + '\n', only_now); !kept)
        return say(why, path_ / "api-token", kept.error());
    return fresh;
}

Result<std::vector<std::string>> ConfigDir::lines(const char* name) const {
    std::vector<std::string> lines;
    const auto bytes = read_small_file(path_ / name, max_file_bytes);
    if (!bytes && bytes.error() == std::errc::no_such_file_or_directory) return lines;
    if (!bytes) return bytes.error();
    std::string_view rest = as_text(*bytes);
    while (!rest.empty()) {
        const std::size_t end = std::min(rest.find('\n'), rest.size());
        lines.emplace_back(rest.substr(0, end));
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    return lines;
}

Result<std::vector<ChannelName>> ConfigDir::channels(std::string& why) const {
    const auto kept = lines("channels");
    if (!kept) return say(why, path_ / "channels", kept.error());
    std::vector<ChannelName> channels;
    std::string left_out;  // by number: the line may be a secret with a slip in it
    for (std::size_t i = 0; i < kept->size(); ++i) {
        const std::string& line = (*kept)[i];
        if (auto name = ChannelName::parse(line))
            channels.push_back(*std::move(name));
        else if (!line.empty())
            left_out += (left_out.empty() ? "" : ", ") + std::to_string(i + 1);
    }
    if (!left_out.empty())
        log(LogLevel::warning, "daemon",
            (path_ / "channels").string() + ": no channel names, left out: line " + left_out);
    return channels;
}

// A line for each channel: HASH-OF-NAME KEY CHECK. The check is of name and key together: a damaged
// key would lead into a channel of which nobody knows.
ChannelKeys ConfigDir::channel_keys(const std::vector<ChannelName>& channels) const {
    ChannelKeys keys;
    const auto kept = lines("channel-keys");
    if (!kept) return keys;
    std::map<std::string_view, std::string_view> by_name;  // in *kept
    for (std::string_view line : *kept)
        if (line.size() > hash_digits) by_name[line.substr(0, hash_digits)] = line;
    for (const ChannelName& name : channels) {
        const auto found = by_name.find(hash_of(name).hex());
        if (found == by_name.end()) continue;
        const auto key = ChannelKey::from_hex(
            found->second.substr(0, 2 * hash_digits + 1).substr(hash_digits + 1));
        if (key && found->second == key_line(name, *key)) keys.emplace(name, *key);
    }
    return keys;
}

std::vector<Endpoint> ConfigDir::known_nodes() const {
    std::vector<Endpoint> nodes;
    const auto kept = lines("known-nodes");
    if (!kept) return nodes;
    for (const std::string& line : *kept)
        if (auto node = Endpoint::parse(line); node && nodes.size() < max_known_nodes)
            nodes.push_back(*node);
    return nodes;
}

std::vector<proto::tunnel::RelayUrl> ConfigDir::learnt_relays() const {
    std::vector<proto::tunnel::RelayUrl> relays;
    const auto kept = lines("relays");
    if (!kept) return relays;
    for (const std::string& line : *kept)
        if (auto url = proto::tunnel::RelayUrl::parse(line))
            if (relays.size() < max_learnt_relays) relays.push_back(*std::move(url));
    return relays;
}

Result<void> ConfigDir::keep_channels(const std::vector<ChannelName>& channels) const {
    std::string text;
    for (const ChannelName& name : channels) text += name.text() + '\n';
    return keep("channels", text);
}

Result<void> ConfigDir::keep_channel_keys(const ChannelKeys& keys) const {
    std::string text;
    for (const auto& [name, key] : keys) text += key_line(name, key) + '\n';
    return keep("channel-keys", text);
}

Result<void> ConfigDir::keep_remembered(const std::vector<std::string>& remembered) const {
    const auto kept = lines("remembered");
    if (kept && *kept == remembered) return ok;
    std::string text;
    for (const std::string& line : remembered) text += line + '\n';
    return keep("remembered", text);
}

Result<void> ConfigDir::keep_known_nodes(const std::vector<Endpoint>& nodes) const {
    std::string text;
    for (std::size_t i = 0; i < std::min(nodes.size(), max_known_nodes); ++i)
        text += nodes[i].text() + '\n';
    return keep("known-nodes", text);
}

Result<void> ConfigDir::keep_learnt_relays(
    const std::vector<proto::tunnel::RelayUrl>& relays) const {
    std::string text;
    for (std::size_t i = 0; i < std::min(relays.size(), max_learnt_relays); ++i)
        text += relays[i].text() + '\n';
    return keep("relays", text);
}

Result<void> ConfigDir::keep_api_port(std::uint16_t port) const {
    return keep("api-port", std::to_string(port) + '\n', only_now);
}

Result<void> ConfigDir::keep_storage(const std::filesystem::path& storage) const {
    return keep("storage", storage.native(), only_now);
}

Result<void> ConfigDir::keep(const char* name, const std::string& text,
                             TempFile::Durability durability) const {
    const auto write = [&]() -> Result<void> {
        auto temp = TempFile::create_in(path_, File::Mode::create_secret);
        if (!temp) return temp.error();
        give_to_owner_of(path_, temp->file());
        if (auto done = temp->file().write_at(0, as_bytes(text)); !done) return done.error();
        return temp->publish(path_ / name, durability);
    };
    auto written = write();
    if (!written) note_storage_trouble((path_ / name).string() + ": " + written.error().message());
    return written;
}

}  // namespace kp2p
