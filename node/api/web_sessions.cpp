#include "node/api/web_sessions.hpp"

#include <sodium.h>

#include <algorithm>

namespace kp2p {

bool WebSessions::same(const Secret& one, const Secret& other) {
    return sodium_memcmp(one.data(), other.data(), Secret::size_bytes) == 0;
}

std::string WebSessions::invite() {
    if (invited_.size() == max_tokens) invited_.pop_front();
    const auto token = runtime_.random.bytes<Secret>();
    invited_.push_back({token, runtime_.clock.now() + token_life});
    return token.hex();
}

std::optional<std::string> WebSessions::enter(std::string_view token) {
    const auto said = Secret::from_hex(token);
    if (!said) return std::nullopt;
    const auto found =
        std::ranges::find_if(invited_, [&](const Invited& one) { return same(one.token, *said); });
    if (found == invited_.end()) return std::nullopt;
    const bool in_time = runtime_.clock.now() < found->until;
    invited_.erase(found);
    if (!in_time) return std::nullopt;
    if (sessions_.size() == max_sessions) sessions_.pop_front();
    sessions_.push_back(runtime_.random.bytes<Secret>());
    return sessions_.back().hex();
}

bool WebSessions::knows(std::string_view authorization) const {
    constexpr std::string_view scheme = "KP2P-Web ";
    if (!authorization.starts_with(scheme)) return false;
    const auto said = Secret::from_hex(authorization.substr(scheme.size()));
    if (!said) return false;
    return std::ranges::any_of(sessions_, [&](const Secret& one) { return same(one, *said); });
}

}  // namespace kp2p
