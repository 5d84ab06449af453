#include "node/api/wire.hpp"

#include <asio/buffer.hpp>
#include <asio/write.hpp>
#include <utility>

#include "proto/outcome.hpp"

namespace kp2p {
namespace {

asio::const_buffer buffer_of(ByteView bytes) { return {bytes.data(), bytes.size()}; }

}  // namespace

Wire::Wire(Socket socket) : socket_(std::move(socket)) {
    std::error_code ignored;  // offer() would then wait, as any write
    socket_.non_blocking(true, ignored);
}

Task<Result<void>> Wire::wait_for_input() {
    if (begin_ < end_) co_return ok;
    input_ = {};
    begin_ = end_ = 0;
    auto [error] = co_await socket_.async_wait(Socket::wait_read, use_result);
    if (error) co_return error;
    co_return ok;
}

bool Wire::is_quiet() const {
    std::error_code error;
    return begin_ == end_ && socket_.available(error) == 0 && !error;
}

Task<Result<void>> Wire::fill() {
    input_.resize(input_bytes);
    std::copy(input_.begin() + static_cast<std::ptrdiff_t>(begin_),
              input_.begin() + static_cast<std::ptrdiff_t>(end_), input_.begin());
    end_ -= std::exchange(begin_, 0);
    if (end_ == input_.size()) co_return Errc::limit_reached;
    const asio::mutable_buffer room(input_.data() + end_, input_.size() - end_);
    auto [error, size] = co_await socket_.async_read_some(room, use_result);
    end_ += size;
    if (error == asio::error::eof) co_return Errc::closed;
    if (error) co_return error;
    co_return ok;
}

Task<> Wire::wait_until_gone() {
    for (;;) {
        auto more = co_await fill();
        if (more) continue;
        if (more.error() != Errc::limit_reached) co_return;
        break;
    }
    co_await socket_.async_wait(Socket::wait_error, use_result);
}

Task<Result<void>> Wire::write(Pieces pieces) {
    if (broken_) co_return Errc::closed;
    const std::string first = std::exchange(unsent_, std::string());
    const std::array<asio::const_buffer, 4> all{buffer_of(as_bytes(first)), buffer_of(pieces[0]),
                                                buffer_of(pieces[1]), buffer_of(pieces[2])};
    writing_ = true;
    auto [error, size] = co_await asio::async_write(socket_, all, use_result);
    writing_ = false;
    if (!error) co_return ok;
    broken_ = true;  // what would follow could not be understood
    co_return error;
}

Task<Result<void>> Wire::write(std::string text) {
    Pieces pieces;
    pieces[0] = as_bytes(text);
    co_return co_await write(pieces);
}

bool Wire::offer(std::string_view text) {
    if (broken_ || unsent_.size() + text.size() > max_unsent_bytes) return false;
    unsent_.append(text);
    if (writing_) return true;
    std::error_code error;
    const std::size_t sent = socket_.write_some(asio::buffer(unsent_), error);
    unsent_.erase(0, sent);
    broken_ = error && error != asio::error::would_block && error != asio::error::try_again;
    return !broken_;
}

Task<> Wire::part(std::size_t max_bytes) {
    std::error_code ignored;
    socket_.shutdown(Socket::shutdown_send, ignored);
    for (std::size_t seen = input().size(); seen < max_bytes; seen += input().size()) {
        consume(input().size());
        auto more = co_await fill();
        if (!more) co_return;
    }
}

void Wire::close() {
    std::error_code ignored;
    broken_ = true;
    socket_.shutdown(Socket::shutdown_both, ignored);
    socket_.close(ignored);
}

}  // namespace kp2p
