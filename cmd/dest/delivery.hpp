// Delivery: what the daemon is asked for while files are brought to a place of the user's. Errors
// are the daemon's (client::Daemon has its words), or those of a callback.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "node/client/command.hpp"
#include "node/client/daemon.hpp"
#include "proto/bytes.hpp"
#include "proto/duration.hpp"

namespace kp2p {

// Of a file into the storage; `own`: its path there ends in the name that the URI gives it.
enum class Naming { own, none };
client::Request load_request(const std::string& uri, Naming naming,
                             const std::optional<proto::Duration>& wait);
// The same of several, each of which is told of in a line of its own.
client::Request load_request(const std::vector<std::string>& uris, Naming naming,
                             const std::optional<proto::Duration>& wait);

struct Delivery {
    client::Command& command;
    client::Daemon& daemon;
    client::Daemon::OnEvent on_progress;
    std::optional<proto::Duration> wait = {};
    enum class Flush { always, never };  // whether what comes is on the disk at the end
    Flush flush = Flush::always;
    std::optional<std::string> ahead = {};  // what the daemon has said of the file before

    // Into the storage. What came of it, as the API says it.
    Result<client::Answer> load(const std::string& uri, Naming naming) const;
    Result<client::Answer> load_directory(const std::string& uri) const;  // all of its files
    // The last line of what is asked, of the next daemon if this one ends meanwhile.
    Result<client::Answer> ask(const client::Request& asked) const;
    // The bytes of a file.
    Result<void> cat(const Sha1& file, const client::Daemon::OnBytes& sink) const;
};

}  // namespace kp2p
