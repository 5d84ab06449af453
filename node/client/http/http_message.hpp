// HTTP/1.1 as a client speaks it: the text of requests, and the parser of answers. Boost.Beast does
// both and is seen in http_message.cpp alone. No I/O.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proto/bytes.hpp"

namespace kp2p::client {

struct HttpRequest {
    std::string_view method, path, host;
    std::vector<std::pair<std::string_view, std::string>> headers = {};
    std::string_view body = {};
};
std::string request_text(const HttpRequest& request);

class AnswerParser {
  public:
    // Of a head, and of what stands between two chunks of a body.
    static constexpr std::size_t max_head_bytes = 16 << 10;

    struct Taken {
        std::size_t bytes = 0;       // from the front of what was fed
        std::size_t body_bytes = 0;  // of those, put to the front of `body`
    };

    AnswerParser();
    ~AnswerParser();

    // Takes bytes from the front of `bytes`, which continue those taken before; what it left is to
    // come again: at once, or, if none were taken, with more behind it. Stops behind the head,
    // once. `body` must not be empty when has_head(). proto::Errc::too_long above a limit,
    // proto::Errc::bad_text for anything but HTTP/1. Not when done().
    Result<Taken> feed(ByteView bytes, std::span<std::uint8_t> body);
    // No more bytes will come: Errc::closed unless that is how this answer ends. Not when done().
    Result<void> end();

    bool has_head() const;
    bool done() const;        // the body has come whole, too
    bool keep_alive() const;  // another answer may follow; when has_head()
    int status() const;       // when has_head()

  private:
    struct Beast;
    std::unique_ptr<Beast> beast_;
};

}  // namespace kp2p::client
