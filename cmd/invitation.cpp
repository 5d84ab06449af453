#include "cmd/invitation.hpp"

#include <algorithm>

#include "proto/fixed_peer.hpp"
#include "proto/text.hpp"
#include "proto/tunnel/relay_url.hpp"

namespace kp2p {
namespace {

constexpr std::string_view end = "/end";

bool stands_for_itself(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           std::string_view("-._:@,+").find(c) != std::string_view::npos;
}

std::string encoded(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (stands_for_itself(c))
            out += c;
        else
            proto::add_percent(out, c);
    }
    return out;
}

struct Read {
    std::optional<ChannelName> channel;
    std::optional<proto::Uri> file;
    std::vector<std::string> peers;
    std::optional<std::string> relay;

    // False: the value is none that the key can have.
    bool take(std::string_view key, const std::string& value) {
        if (key == "channel") {
            auto name = ChannelName::parse(value);
            if (name) channel = *name;
            return bool(name);
        }
        if (key == "file") {
            auto uri = proto::Uri::parse(value);
            if (uri) file = *uri;
            return bool(uri);
        }
        if (key == "peer") {
            peers.push_back(value);
            return bool(FixedPeer::parse(value));
        }
        if (key == "relay") {
            relay = value;
            return bool(proto::tunnel::RelayUrl::parse(value));
        }
        return true;
    }
};

}  // namespace

Result<Invitation> Invitation::parse(std::string_view text, std::string& complaint) {
    std::string line;  // a mail may have made several of it
    for (const char c : proto::without_quotes_around(text.substr(0, max_bytes + 1)))
        if (c != ' ' && c != '\t' && c != '\r' && c != '\n') line += c;
    if (!line.starts_with(scheme) || line.size() > max_bytes) {
        complaint = "an invitation begins with kp2p:join, as kp2p-invite prints it";
        return Errc::usage;
    }
    const std::size_t length = (line + '/').find(std::string(end) + '/');
    if (length == line.npos) {
        complaint = "the invitation is cut off: the whole line ends with " + std::string(end);
        return Errc::usage;
    }
    text = std::string_view(line).substr(0, length).substr(scheme.size());
    Read read;
    while (!text.empty()) {
        text.remove_prefix(1);  // the slash, or what was pasted in its place
        const std::string_view field = text.substr(0, text.find('/'));
        text.remove_prefix(field.size());
        const std::size_t equals = std::min(field.find('='), field.size());
        const auto value = proto::percent_decoded(field.substr(std::min(equals + 1, field.size())));
        if (value && read.take(field.substr(0, equals), *value)) continue;
        complaint = "in the invitation, " + std::string(field.substr(0, equals)) + " is none";
        return Errc::usage;
    }
    if (!read.channel) {
        complaint = "the invitation names no channel";
        return Errc::usage;
    }
    return Invitation{*read.channel, read.file, read.peers, read.relay};
}

std::string Invitation::text() const {
    std::string text(scheme);
    const auto add = [&](const char* key, const std::string& value) {
        text += '/' + std::string(key) + '=' + encoded(value);
    };
    add("channel", channel.text());
    for (const std::string& peer : peers) add("peer", peer);
    if (relay) add("relay", *relay);
    if (file) add("file", file->text());
    return text.append(end);
}

std::string Invitation::hint() const {
    std::string flags;
    for (const std::string& peer : peers) flags += " --peer " + peer;
    if (relay) flags += " --relay-url '" + *relay + "'";
    if (flags.empty()) return {};
    return "where nobody is found, start the daemon once with" + flags;
}

}  // namespace kp2p
