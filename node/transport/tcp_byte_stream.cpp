#include "node/transport/tcp_byte_stream.hpp"

#include <algorithm>

#include "node/net/address.hpp"
#include "node/net/interfaces.hpp"
#include "node/net/nat64.hpp"
#include "node/net/tcp_state.hpp"
#include "proto/dht/wire/address.hpp"
#include "proto/outcome.hpp"

namespace kp2p {
namespace {

// Then another connection, or a new one, is better than to wait for this.
constexpr std::chrono::seconds max_silence{20};
constexpr std::chrono::milliseconds finish_poll{5};
// It makes nobody look for another way, yet counts as missing.
constexpr std::chrono::milliseconds max_unrepeated{300};
// Who opens many small files looks at the path for each.
constexpr std::chrono::milliseconds rtt_span{50};

Endpoint endpoint_of(const asio::ip::tcp::endpoint& endpoint) {
    return {before_nat64(from_address(endpoint.address())), endpoint.port()};
}

}  // namespace

TcpByteStream::TcpByteStream(Clock& clock, asio::ip::tcp::socket socket)
    : clock_(clock), socket_(std::move(socket)) {
    std::error_code ignored;
    socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
    limit_tcp_silence(socket_.native_handle(), max_silence);
    path_.transport = Path::Transport::tcp;
    path_.local = endpoint_of(socket_.local_endpoint(ignored));
    path_.remote = endpoint_of(socket_.remote_endpoint(ignored));
    path_.kind = proto::dht::is_private(path_.remote) ? Path::Kind::lan : Path::Kind::direct;
    path_.since = clock.now();
}

Path TcpByteStream::path() const {
    const auto now = clock_.now();
    if (socket_.is_open() && now - rtt_asked_ >= rtt_span) {
        path_.rtt = tcp_round_trip(socket_.native_handle());
        rtt_asked_ = now;
    }
    return path_;
}

std::optional<Clock::Span> TcpByteStream::unanswered() const {
    if (!socket_.is_open()) return std::nullopt;
    const auto wait = tcp_wait(socket_.native_handle());
    if (!wait) {
        waits_since_.reset();
        return std::nullopt;
    }
    const auto now = clock_.now();
    if (!waits_since_) waits_since_ = now;
    const Clock::Span unheard = std::min<Clock::Span>(now - *waits_since_, wait->unheard);
    // The system knows how long an answer may take here: it sends again what has had none by then.
    if (!wait->repeated) return std::min<Clock::Span>(unheard, max_unrepeated);
    // The other side may well be heard where what is large does not get through to it.
    return std::max<Clock::Span>(unheard, wait->in_vain);
}

bool TcpByteStream::stranded() const { return socket_.is_open() && !is_own_host(path_.local.host); }

std::optional<ByteStream::Sendings> TcpByteStream::sendings() const {
    if (!socket_.is_open()) return std::nullopt;
    const int socket = socket_.native_handle();
    const std::uint64_t waiting = tcp_unacknowledged_bytes(socket);
    return Sendings{written_bytes_ - std::min(waiting, written_bytes_), tcp_resent_bytes(socket),
                    waiting > 0};
}

Task<Result<std::size_t>> TcpByteStream::read_some(std::span<std::uint8_t> into) {
    if (!socket_.is_open()) co_return Errc::closed;
    auto [error, size] =
        co_await socket_.async_read_some(asio::buffer(into.data(), into.size()), use_result);
    if (error == asio::error::eof) co_return std::size_t{0};
    if (error) co_return error;
    co_return size;
}

Task<Result<void>> TcpByteStream::write(ByteView bytes) {
    if (!socket_.is_open() || finished_) co_return Errc::closed;
    // Not by asio::async_write(), which gives the system no more than 64 KiB at a time.
    while (!bytes.empty()) {
        if (!socket_.is_open()) co_return Errc::closed;
        auto [error, size] =
            co_await socket_.async_write_some(asio::buffer(bytes.data(), bytes.size()), use_result);
        if (error) co_return error;
        written_bytes_ += size;
        bytes = bytes.subspan(size);
    }
    co_return ok;
}

// The system tells nobody when the other side has it all, so it is asked now and then.
Task<Result<void>> TcpByteStream::finish() {
    if (!socket_.is_open()) co_return Errc::closed;
    std::error_code error;
    socket_.shutdown(asio::ip::tcp::socket::shutdown_send, error);
    if (error) co_return error;
    finished_ = true;
    while (socket_.is_open() && tcp_unacknowledged_bytes(socket_.native_handle()) > 0) {
        auto slept = co_await clock_.sleep_for(finish_poll);
        if (!slept) co_return slept;
    }
    co_return ok;
}

void TcpByteStream::destroy() {
    if (!socket_.is_open()) return;
    std::error_code ignored;
    if (!finished_) socket_.set_option(asio::socket_base::linger(true, 0), ignored);
    socket_.close(ignored);
}

}  // namespace kp2p
