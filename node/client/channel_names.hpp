// ChannelNames: the names of channels that a command is about. A name is a secret, and the
// arguments of a process can be read by every user of a computer, so it may come another way as
// well:
//   NAME                  as it is;  "-": the line on standard input
//   --channel-file FILE   one name a line; "-": standard input, to its end
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "node/client/command.hpp"
#include "proto/lookup/channel.hpp"

namespace kp2p::client {

// What one of them is; Errc::usage with what is wrong in `complaint`.
using ReadName = Result<ChannelName> (*)(std::string_view text, std::string& complaint);
Result<ChannelName> plain_name(std::string_view text, std::string& complaint);

// Of a command that has both as arguments; one of them must have been given.
Result<std::vector<ChannelName>> channel_names(Command& command,
                                               const std::optional<std::string>& name,
                                               const std::optional<std::string>& file,
                                               ReadName read_name = &plain_name);

// What a channel file holds; empty lines are skipped. Errors come with their words.
Result<std::vector<ChannelName>> read_channel_file(Command& command, const std::string& file);

}  // namespace kp2p::client
