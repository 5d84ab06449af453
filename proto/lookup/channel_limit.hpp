// ChannelLimit: how fast files may travel from and to all members of one channel together.
// As text "UP;DOWN;NAME", such as "2M;none;our-lab", each rate as RateTable takes it.
#pragma once

#include <string>
#include <string_view>

#include "proto/limit/rate_table.hpp"
#include "proto/lookup/channel.hpp"

namespace kp2p::proto {

struct ChannelLimit {
    ChannelName name;
    RateTable up, down;

    // Errc::usage, with what is wrong in `complaint`.
    static Result<ChannelLimit> parse(std::string_view text, std::string& complaint);
    std::string text() const { return up.text() + ';' + down.text() + ';' + name.text(); }
    bool holds() const { return up.limits() || down.limits(); }
};

}  // namespace kp2p::proto
