// ConfigDir: the files that a node keeps between its runs. Written beside and renamed into place,
// readable by their owner alone.
//   key          64 hex digits: the seed of the node's key pair; made once
//   api-token    64 hex digits: what clients of the HTTP API over TCP must know; new at each start
//   api.sock     the HTTP API's Unix socket while the node runs (made by node/api)
//   channels     a name a line
//   channel-keys what was derived from those names, which takes long: can be removed at any time
//   remembered   FLAG VALUE a line: settings that hold at later starts; removed to forget them
//   relays       URLs of kp2p-relays, a line each, that members of channels have told of
//   known-nodes  HOST:PORT a line: DHT nodes, where the network is entered next time
//   api-port     the port of the HTTP API while the node runs
//   storage      the path of the storage that the node serves
//   storage-mounts  on which file systems storages were (node/settings/storage_mounts.hpp)
//   lock         locked while the node runs, so that two nodes never share a key
// Errors are the system's codes, proto::Errc::bad_text for a damaged key; `why` names the file.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "node/async/random.hpp"
#include "node/store/temp_file.hpp"
#include "proto/crypto/api_proof.hpp"
#include "proto/crypto/key_pair.hpp"
#include "proto/endpoint.hpp"
#include "proto/lookup/channel.hpp"
#include "proto/tunnel/relay_url.hpp"

namespace kp2p {

using ChannelKeys = std::map<ChannelName, ChannelKey>;

class ConfigDir {
  public:
    static constexpr std::size_t max_known_nodes = 64;
    static constexpr std::size_t max_learnt_relays = 8;

    // Makes the directory if it is missing. Errc::limit_reached when another node runs in it.
    static Result<std::unique_ptr<ConfigDir>> open(const std::filesystem::path& path,
                                                   Random& random, std::string& why);
    ConfigDir(const ConfigDir&) = delete;
    ConfigDir& operator=(const ConfigDir&) = delete;
    ~ConfigDir();  // removes api-port

    Result<proto::Seed> key_seed(std::string& why) const;
    // A new one, which is kept: call it once, at the start.
    Result<proto::ApiToken> new_api_token(std::string& why) const;
    std::filesystem::path api_socket() const { return path_ / "api.sock"; }
    // A line that names no channel is left out, and the log says so.
    Result<std::vector<ChannelName>> channels(std::string& why) const;
    // Of these channels, as far as they are kept. What is damaged is left out.
    ChannelKeys channel_keys(const std::vector<ChannelName>& channels) const;
    // What cannot be read or parsed is left out.
    std::vector<Endpoint> known_nodes() const;
    std::vector<proto::tunnel::RelayUrl> learnt_relays() const;

    Result<void> keep_channels(const std::vector<ChannelName>& channels) const;
    Result<void> keep_channel_keys(const ChannelKeys& keys) const;
    // Unless it is what there is.
    Result<void> keep_remembered(const std::vector<std::string>& lines) const;
    Result<void> keep_known_nodes(const std::vector<Endpoint>& nodes) const;
    Result<void> keep_learnt_relays(const std::vector<proto::tunnel::RelayUrl>& relays) const;
    Result<void> keep_api_port(std::uint16_t port) const;
    Result<void> keep_storage(const std::filesystem::path& storage) const;

  private:
    ConfigDir(std::filesystem::path path, Random& random, File lock)
        : path_(std::move(path)), random_(random), lock_(std::move(lock)) {}
    // None if there is no such file.
    Result<std::vector<std::string>> lines(const char* name) const;
    // What counts only while this node runs need not outlive the computer.
    static constexpr auto only_now = TempFile::Durability::none;
    Result<void> keep(const char* name, const std::string& text,
                      TempFile::Durability durability = TempFile::Durability::flush) const;

    std::filesystem::path path_;
    Random& random_;
    File lock_;
};

}  // namespace kp2p
