// HTTP/1.1 as the API speaks it: the parser of requests, and the heads of answers. Boost.Beast does
// both and is seen in http_message.cpp alone. No I/O.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proto/bytes.hpp"

namespace kp2p {

// What of a request's head matters, each header as often as it was sent.
struct RequestHead {
    std::string method = {}, path = {}, query = {};  // the last two as they were sent
    std::vector<std::string> host = {}, origin = {}, authorization = {};
    std::vector<std::string> content_type = {}, content_length = {};
    bool takes_body = false;       // neither GET nor HEAD
    bool chunked = false;          // with a Transfer-Encoding that is "chunked" and nothing else
    bool encoded = false;          // with any other, or with a Content-Encoding
    bool awaits_continue = false;  // before it sends the body
};

class RequestParser {
  public:
    // Of a head, and of what stands between two chunks of a body.
    static constexpr std::size_t max_head_bytes = 16 << 10;
    static constexpr std::size_t max_fields = 64;

    RequestParser();
    ~RequestParser();

    // Takes bytes from the front of `bytes`, which continue those taken before, and says how many:
    // what it left is to come again with more behind it. Stops behind the head, once.
    // Errc::limit_reached above a limit, Errc::usage for anything but HTTP/1.1. Not when done().
    Result<std::size_t> feed(ByteView bytes);
    bool has_head() const;
    bool done() const;        // the body has come whole, too
    bool keep_alive() const;  // another request may follow; when has_head()
    const RequestHead& head() const;
    // What has come of the body since the last time. feed() adds at most as much as it takes.
    std::string take_body();

  private:
    class Beast;
    std::unique_ptr<Beast> beast_;
};

struct AnswerHead {
    int status = 200;
    std::string_view content_type;
    std::optional<std::size_t> length_bytes;  // absent: chunked
    bool keep_alive = true;
    bool is_page = false;  // of the web page: the browser is to load nothing else, nor to frame it
};
std::string answer_head(const AnswerHead& head);

// What stands before the bytes of a chunk; behind them stands "\r\n". The last chunk is
// "0\r\n\r\n".
std::string chunk_head(std::size_t size_bytes);

// A parameter of a query, "%XX" resolved; nothing if it is not there, Errc::usage for a bad "%".
Result<std::optional<std::string>> query_parameter(std::string_view query, std::string_view name);

}  // namespace kp2p
