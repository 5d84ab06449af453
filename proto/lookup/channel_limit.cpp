#include "proto/lookup/channel_limit.hpp"

namespace kp2p::proto {

Result<ChannelLimit> ChannelLimit::parse(std::string_view text, std::string& complaint) {
    const std::size_t first = text.find(';');
    const std::size_t second = first == text.npos ? text.npos : text.find(';', first + 1);
    const auto name = second == text.npos ? Result<ChannelName>(kp2p::Errc::usage)
                                          : ChannelName::parse(text.substr(second + 1));
    if (!name) {
        complaint =
            "takes UP;DOWN;NAME of a channel, such as 2M;none;our-lab, not " + std::string(text);
        return kp2p::Errc::usage;
    }
    auto up = RateTable::parse(text.substr(0, first), complaint);
    if (!up) return up.error();
    auto down = RateTable::parse(text.substr(first + 1, second - first - 1), complaint);
    if (!down) return down.error();
    return ChannelLimit{*name, *std::move(up), *std::move(down)};
}

}  // namespace kp2p::proto
