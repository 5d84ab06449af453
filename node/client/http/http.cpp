#include "node/client/http/http.hpp"

#include <algorithm>
#include <utility>

#include "proto/outcome.hpp"

namespace kp2p::client {
namespace {

// So that there is room behind what the parser may leave.
constexpr std::size_t receive_bytes = 256 << 10;
static_assert(receive_bytes > AnswerParser::max_head_bytes);

}  // namespace

HttpExchange::HttpExchange(Socket socket) : socket_(std::move(socket)), buffer_(receive_bytes) {}

Result<int> HttpExchange::ask(const HttpRequest& request, const Patience& patience) {
    answer_.emplace();
    const std::string text = request_text(request);
    auto sent = socket_.write(as_bytes(text), patience);
    // A server that refuses may close before it has taken all, and has said why.
    if (!sent && sent.error() != Errc::closed) return sent.error();
    while (!answer_->has_head())
        if (auto step = advance({}, patience); !step) return step.error();
    return answer_->status();
}

Result<std::size_t> HttpExchange::read_body(std::span<std::uint8_t> into,
                                            const Patience& patience) {
    while (!answer_->done()) {
        auto size = advance(into, patience);
        if (!size || *size > 0) return size;
    }
    return std::size_t{0};
}

bool HttpExchange::reusable() const {
    return answer_ && answer_->done() && answer_->keep_alive() && used_ == held_ &&
           !socket_.has_news();
}

Result<std::size_t> HttpExchange::advance(std::span<std::uint8_t> into, const Patience& patience) {
    if (used_ < held_) {
        auto taken = answer_->feed(ByteView(buffer_).first(held_).subspan(used_), into);
        if (!taken) return taken.error();
        used_ += taken->bytes;
        if (taken->bytes > 0) return taken->body_bytes;
    }
    if (auto more = read_more(patience); !more) return more.error();
    return std::size_t{0};
}

Result<void> HttpExchange::read_more(const Patience& patience) {
    std::copy(buffer_.begin() + static_cast<std::ptrdiff_t>(used_),
              buffer_.begin() + static_cast<std::ptrdiff_t>(held_), buffer_.begin());
    held_ -= std::exchange(used_, 0);
    auto size = socket_.read(std::span(buffer_).subspan(held_), patience);
    if (!size) return size.error();
    held_ += *size;
    return *size > 0 ? Result<void>(ok) : answer_->end();
}

}  // namespace kp2p::client
