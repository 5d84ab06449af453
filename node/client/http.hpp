// HttpExchange: HTTP/1.1 (RFC 9112) as a client speaks it over one connection. Shape: ask() sends a
// request and reads the head of its answer, then read_body() until it gives 0; then, if the
// connection is reusable(), the next.
// What is no HTTP, or has a head above 16 KiB, is proto::Errc::bad_text; a connection that ends
// before the answer does is Errc::closed.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "node/client/socket.hpp"

namespace kp2p::client {

struct HttpRequest {
    std::string_view method, path, host;
    std::vector<std::pair<std::string_view, std::string>> headers = {};
    std::string_view body = {};
};

class HttpExchange {
  public:
    explicit HttpExchange(Socket socket) : socket_(std::move(socket)) {}

    // The status of the answer.
    Result<int> ask(const HttpRequest& request, const Patience& patience);
    // Some bytes of the body, 0 at its end.
    Result<std::size_t> read_body(std::span<std::uint8_t> into, const Patience& patience);
    bool reusable() const { return ended_ && keeps_alive_ && !socket_.has_news(); }

  private:
    enum class Framing { length, chunked, until_closed };

    Result<int> read_head(const Patience& patience);
    Result<void> take_header(std::string_view line);
    Result<std::string_view> read_line(const Patience& patience);  // without its end
    Result<void> read_more(const Patience& patience);              // into buffer_
    Result<void> begin_chunk(const Patience& patience);
    Result<void> end_chunks(const Patience& patience);
    Result<std::size_t> read_some(std::span<std::uint8_t> into, const Patience& patience);

    Socket socket_;
    ByteVector buffer_;     // what has come and is not consumed
    std::size_t used_ = 0;  // of buffer_, from its front
    Framing framing_ = Framing::until_closed;
    std::uint64_t left_ = 0;  // of the body, or of its chunk
    bool in_chunks_ = false;  // a chunk has begun, so that its end is still to come
    bool keeps_alive_ = false;
    bool ended_ = false;
};

}  // namespace kp2p::client
