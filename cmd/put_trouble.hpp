// Words for why a path is not put into the storage, and for what helps.
#pragma once

#include <string>
#include <system_error>

#include "node/client/command.hpp"
#include "node/store/put/intake.hpp"

namespace kp2p {

// What the body of the command is to return for it.
std::error_code put_failed(client::Command& command, std::error_code error, const std::string& path,
                           PutOptions::Content content);

}  // namespace kp2p
