#include "cmd/join_channel.hpp"

#include <sodium/randombytes.h>

#include "proto/json.hpp"

namespace kp2p {
namespace {

// Five random bits to a letter or digit, of which none looks like another.
std::string secret() {
    constexpr std::string_view digits = "0123456789abcdefghjkmnpqrstvwxyz";
    constexpr std::size_t length = 16;
    std::string text;
    for (std::size_t i = 0; i < length; ++i) text += digits[randombytes_uniform(digits.size())];
    return text;
}

}  // namespace

Result<ChannelName> new_channel(client::Command& command, const std::string& name) {
    if (name == "-")
        return command.failure(Errc::usage, "--new takes a NAME, to which a secret is appended");
    const auto stem = ChannelName::parse(name);
    auto made = stem ? ChannelName::parse(stem->text() + "-" + secret()) : stem;
    if (!made) return command.failure(Errc::usage, "it could be no channel's name: " + name);
    return made;
}

Result<client::Answer> join_channel(client::Command& command, client::Daemon& daemon,
                                    const ChannelName& channel) {
    proto::JsonWriter body;
    body.begin_object().field("name", channel.text()).end_object();
    auto joined = daemon.request({"/v1/channels", "channels", body.take(), "POST"});
    if (joined && !command.json()) command.say("joined " + channel.text());
    return joined;
}

}  // namespace kp2p
