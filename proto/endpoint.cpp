#include "proto/endpoint.hpp"

#include <charconv>

#include "proto/errc.hpp"

namespace kp2p {
namespace {

// Reads a decimal number up to `max` from the front of `text` and removes it.
bool take_number(std::string_view& text, unsigned max, unsigned& number) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || number > max) return false;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    return true;
}

bool take(std::string_view& text, char c) {
    if (text.empty() || text.front() != c) return false;
    text.remove_prefix(1);
    return true;
}

}  // namespace

Result<Endpoint> Endpoint::parse(std::string_view text) {
    Endpoint endpoint;
    unsigned number = 0;
    for (std::size_t i = 0; i < 4; ++i) {
        if (i && !take(text, '.')) return proto::Errc::bad_text;
        if (!take_number(text, 255, number)) return proto::Errc::bad_text;
        endpoint.host[i] = static_cast<std::uint8_t>(number);
    }
    if (!take(text, ':') || !take_number(text, 65535, number) || !text.empty())
        return proto::Errc::bad_text;
    endpoint.port = static_cast<std::uint16_t>(number);
    return endpoint;
}

std::string Endpoint::host_text() const {
    return std::to_string(host[0]) + '.' + std::to_string(host[1]) + '.' + std::to_string(host[2]) +
           '.' + std::to_string(host[3]);
}

std::string Endpoint::text() const { return host_text() + ':' + std::to_string(port); }

}  // namespace kp2p
