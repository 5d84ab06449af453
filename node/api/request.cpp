#include "node/api/request.hpp"

#include <utility>

namespace kp2p {

Task<Result<void>> Request::read_more() {
    auto taken = parser_.feed(wire_.input());
    if (!taken) co_return taken.error();
    wire_.consume(*taken);
    if (*taken > 0) co_return ok;
    if (has_head() && head().awaits_continue && !std::exchange(continued_, true))
        wire_.offer("HTTP/1.1 100 Continue\r\n\r\n");
    co_return co_await wire_.fill();
}

Task<Result<void>> Request::read_head() {
    while (!parser_.has_head()) {
        auto more = co_await read_more();
        if (!more) co_return more.error();
    }
    co_return ok;
}

Task<Result<std::string>> Request::next_bytes() {
    std::string bytes = parser_.take_body();
    while (bytes.empty() && !parser_.done()) {
        auto more = co_await read_more();
        if (!more) co_return more.error();
        bytes = parser_.take_body();
    }
    co_return bytes;
}

Task<Result<std::string>> Request::body() {
    std::string all;
    while (!parser_.done()) {
        auto bytes = co_await next_bytes();
        if (!bytes) co_return bytes.error();
        all += *bytes;
    }
    co_return all;
}

}  // namespace kp2p
