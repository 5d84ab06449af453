// HttpExchange: HTTP/1.1 (RFC 9112) as a client speaks it over one connection. Shape: ask() sends a
// request and reads the head of its answer, then read_body() until it gives 0; then, if the
// connection is reusable(), the next.
// What is no HTTP is proto::Errc::bad_text, what has a head above 16 KiB is proto::Errc::too_long;
// a connection that ends before the answer does is Errc::closed.
#pragma once

#include <optional>

#include "node/client/http/http_message.hpp"
#include "node/client/http/socket.hpp"

namespace kp2p::client {

class HttpExchange {
  public:
    explicit HttpExchange(Socket socket);

    // The status of the answer.
    Result<int> ask(const HttpRequest& request, const Patience& patience);
    // Some bytes of the body, as soon as they have come; 0 at its end.
    Result<std::size_t> read_body(std::span<std::uint8_t> into, const Patience& patience);
    bool reusable() const;

  private:
    // One step on with the answer; how many bytes of its body that brought.
    Result<std::size_t> advance(std::span<std::uint8_t> into, const Patience& patience);
    Result<void> read_more(const Patience& patience);  // into buffer_

    Socket socket_;
    BulkBytes buffer_;
    std::size_t used_ = 0, held_ = 0;  // what has come and is not consumed lies between them
    std::optional<AnswerParser> answer_;
};

}  // namespace kp2p::client
