// Request: one HTTP request as it comes in over a wire. Shape: read_head(), then, if it is one to
// be taken, body() or next_bytes() until there are none. Errors: Errc::limit_reached, Errc::usage
// (it is no HTTP); else the connection is of no use any more.
#pragma once

#include "node/api/http_message.hpp"
#include "node/api/wire.hpp"

namespace kp2p {

class Request {
  public:
    explicit Request(Wire& wire) : wire_(wire) {}

    Task<Result<void>> read_head();
    const RequestHead& head() const { return parser_.head(); }
    bool has_head() const { return parser_.has_head(); }
    // No more is to come of it; another request may follow.
    bool is_over() const { return parser_.done(); }
    bool keep_alive() const { return parser_.keep_alive(); }

    Task<Result<std::string>> body();  // whole: check its length before
    // Those that come next, at most Wire::input_bytes; none at the end of the body.
    Task<Result<std::string>> next_bytes();

  private:
    Task<Result<void>> read_more();

    Wire& wire_;
    RequestParser parser_;
    bool continued_ = false;
};

}  // namespace kp2p
