// The channels that this node is in.
#pragma once

#include <map>
#include <memory>

#include "proto/lookup/channel.hpp"
#include "proto/lookup/flood.hpp"

namespace kp2p {

struct Channel {
    proto::ChannelTag tag;
    ChannelName name;
    ChannelKey key;
    Topic topic;
};
using ChannelRef = std::shared_ptr<const Channel>;
using ChannelList = std::map<ChannelName, ChannelRef>;

}  // namespace kp2p
