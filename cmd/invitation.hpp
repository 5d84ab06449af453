// Invitation: all that a newcomer needs, in one line that can be pasted anywhere, a shell included:
//   invitation := "kp2p:join" ("/" key "=" value)+ "/end"  in a value all but letters, digits and
//   key        := "channel" | "file" | "peer" | "relay"    "-._:@,+" is %XX
// A channel's name that was cut off would be another channel's, so without the end it is none.
// The channel's name is in it, so the line is as secret as that is.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proto/file/uri.hpp"
#include "proto/lookup/channel.hpp"
#include "proto/outcome.hpp"

namespace kp2p {

struct Invitation {
    static constexpr std::string_view scheme = ChannelName::invitation_scheme;
    static constexpr std::size_t max_bytes = 64 * 1024;

    ChannelName channel;
    std::optional<proto::Uri> file = {};
    std::vector<std::string> peers = {};    // NODE@HOST:PORT, where a member can be reached
    std::optional<std::string> relay = {};  // URL of a kp2p-relay

    // With quotes around it or without, and with blanks and line ends anywhere. Errc::usage, with
    // what is wrong in `complaint`. Keys that nobody knows are skipped.
    static Result<Invitation> parse(std::string_view text, std::string& complaint);
    std::string text() const;
    // What to start the daemon with where nobody is found otherwise; empty: nothing.
    std::string hint() const;
};

}  // namespace kp2p
