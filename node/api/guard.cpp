#include "node/api/guard.hpp"

#include <sodium/utils.h>

#include <charconv>

namespace kp2p {
namespace {

// Digits only, as RFC 9110 section 8.6 has it.
std::optional<std::size_t> parse_length(std::string_view text) {
    std::size_t length = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), length);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return length;
}

std::optional<Refusal> check_body(const RequestHead& head) {
    if (head.encoded) return Refusal{415, Errc::usage, "encoded bodies are not taken"};
    const auto& lengths = head.content_length;
    const auto length = lengths.size() == 1 ? parse_length(lengths[0]) : std::nullopt;
    if (!length) return Refusal{411, Errc::usage, "one Content-Length is required"};
    if (*length > max_body_bytes) return Refusal{413, Errc::limit_reached, "the body is too long"};
    if (*length == 0) return std::nullopt;
    if (head.content_type.size() != 1 || !head.content_type[0].starts_with("application/json"))
        return Refusal{415, Errc::usage, "the body must be application/json"};
    return std::nullopt;
}

}  // namespace

Guard::Guard(std::string token, std::uint16_t port)
    : credentials_("Bearer " + token),
      authorities_{"127.0.0.1:" + std::to_string(port), "localhost:" + std::to_string(port)} {}

bool Guard::is_own(std::string_view authority) const {
    return authority == authorities_[0] || authority == authorities_[1];
}

bool Guard::knows_token(const std::vector<std::string>& authorization) const {
    return authorization.size() == 1 && authorization[0].size() == credentials_.size() &&
           sodium_memcmp(authorization[0].data(), credentials_.data(), credentials_.size()) == 0;
}

std::optional<Refusal> Guard::check(const RequestHead& head) const {
    if (head.host.size() != 1 || !is_own(head.host[0]))
        return Refusal{403, Errc::unauthorized, "the Host header names another server"};
    for (std::string_view origin : head.origin) {
        constexpr std::string_view scheme = "http://";
        if (!origin.starts_with(scheme) || !is_own(origin.substr(scheme.size())))
            return Refusal{403, Errc::unauthorized, "requests of web pages are not taken"};
    }
    if (!knows_token(head.authorization))
        return Refusal{401, Errc::unauthorized, "the API token is missing or wrong"};
    return head.takes_body ? check_body(head) : std::nullopt;
}

}  // namespace kp2p
