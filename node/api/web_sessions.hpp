// WebSessions: how a page in the user's browser gets to ask the API. kp2p-web, which has proven
// that it is the user's, gets a token and opens the page with it; the page gives it back, once and
// soon, for a session, which it sends with every request. Neither outlives the daemon, so that
// whoever listens at its port afterwards learns nothing that is of use.
#pragma once

#include <chrono>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

#include "node/async/runtime.hpp"
#include "proto/bytes.hpp"

namespace kp2p {

class WebSessions {
  public:
    static constexpr std::chrono::seconds token_life{60};
    static constexpr std::size_t max_tokens = 8, max_sessions = 16;  // the oldest gives way

    explicit WebSessions(Runtime& runtime) : runtime_(runtime) {}

    std::string invite();                                      // a token, 64 hex digits
    std::optional<std::string> enter(std::string_view token);  // a session, if the token holds
    // Whether it is the value of an Authorization header that names a session: "KP2P-Web HEX".
    bool knows(std::string_view authorization) const;

  private:
    using Secret = Bytes<struct WebSecretTag, 32>;
    struct Invited {
        Secret token;
        Clock::Time until;
    };

    static bool same(const Secret& one, const Secret& other);  // in constant time

    Runtime& runtime_;
    std::deque<Invited> invited_;
    std::deque<Secret> sessions_;
};

}  // namespace kp2p
