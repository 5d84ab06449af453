// Guard: which HTTP requests the API takes at all. A page in a browser on this computer can send
// requests to loopback, so knowing the token is not enough: the Host must be ours (no rebinding of
// names), and an Origin, which browsers add, must be ours too. Bodies are small JSON.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proto/outcome.hpp"

namespace kp2p {

inline constexpr std::size_t max_body_bytes = 64 * 1024;

// The headers of a request that matter, each as often as it was sent.
struct RequestHead {
    std::vector<std::string> host = {}, origin = {}, authorization = {};
    std::vector<std::string> content_type = {}, content_length = {};
    bool takes_body = false;  // POST and DELETE
    bool encoded = false;     // with Transfer-Encoding or Content-Encoding
};

struct Refusal {
    int status = 0;  // of HTTP
    Errc code = Errc::failed;
    std::string message;
};

class Guard {
  public:
    Guard(std::string token, std::uint16_t port);
    // Why the request is refused; nothing if it may pass. The token is compared in constant time.
    std::optional<Refusal> check(const RequestHead& head) const;

  private:
    bool is_own(std::string_view authority) const;
    bool knows_token(const std::vector<std::string>& authorization) const;

    std::string credentials_;  // "Bearer TOKEN"
    std::string authorities_[2];
};

}  // namespace kp2p
