// What kp2p-load is to get: URIs, and invitations to a file, as arguments and from a file.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cmd/invitation.hpp"
#include "node/client/command.hpp"
#include "proto/file/uri.hpp"

namespace kp2p {

struct Named {
    proto::Uri uri;
    std::optional<Invitation> invitation = {};  // by which it was named

    static Result<Named> parse(std::string_view text, std::string& complaint);
};

// One a line; "-": standard input. Empty lines and those that begin with "#" are skipped. Errors
// come with their words, and name the line.
Result<std::vector<Named>> read_uris(client::Command& command, const std::string& file);

}  // namespace kp2p
