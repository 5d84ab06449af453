// Where kp2p-load puts what it loads, from what it was told and the URI's own name.
#pragma once

#include <optional>
#include <string>

#include "node/client/command.hpp"
#include "proto/file/uri.hpp"

namespace kp2p {

struct LoadPlace {
    std::optional<std::string> dest;  // a file, or a directory to put it into
    bool own_name = false;            // in the working directory
    bool several = false;             // it is not the only one
};

// "DIR/", or one that is there.
bool is_directory_place(const std::string& dest);

// Empty: it stays in the storage. A directory that is loaded alone becomes "DIR/" itself; else DIR
// is made. Errc::usage where a name is needed and the URI has none.
Result<std::string> place_of(client::Command& command, const proto::Uri& uri,
                             const LoadPlace& wish);

}  // namespace kp2p
