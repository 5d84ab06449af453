#include "node/transport/tcp_streams.hpp"

#include <asio/ip/v6_only.hpp>

#include "node/net/address.hpp"
#include "node/net/nat64.hpp"
#include "node/net/tcp_state.hpp"
#include "node/transport/tcp_byte_stream.hpp"

namespace kp2p {
namespace {

// Until descriptors, or whatever the system lacks to accept another, may be there again.
constexpr std::chrono::milliseconds tcp_accept_pause{200};

asio::ip::tcp::endpoint tcp_endpoint(const Endpoint& endpoint) {
    return {to_address(endpoint.host), endpoint.port};
}

}  // namespace

Result<std::unique_ptr<TcpStreams>> TcpStreams::open(Executor executor, Clock& clock,
                                                     const Endpoint& local) {
    asio::ip::tcp::acceptor acceptor(executor);
    const auto endpoint = tcp_endpoint(local);
    std::error_code error;
    acceptor.open(endpoint.protocol(), error);
    if (!error) acceptor.set_option(asio::socket_base::reuse_address(true), error);
    if (!error && local.host == Host::any_v6())
        acceptor.set_option(asio::ip::v6_only(false), error);
    if (!error) acceptor.bind(endpoint, error);
    if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
    if (error) return error;
    const std::uint16_t port = acceptor.local_endpoint(error).port();
    if (error) return error;
    const Endpoint bound{local.host, port};
    return std::unique_ptr<TcpStreams>(new TcpStreams(clock, std::move(acceptor), bound));
}

TcpStreams::TcpStreams(Clock& clock, asio::ip::tcp::acceptor acceptor, const Endpoint& local)
    : clock_(clock), acceptor_(std::move(acceptor)), local_(local) {}

Task<Result<std::unique_ptr<ByteStream>>> TcpStreams::accept() {
    for (;;) {
        auto [error, socket] = co_await acceptor_.async_accept(use_result);
        if (!error) co_return std::make_unique<TcpByteStream>(clock_, std::move(socket));
        if (error == asio::error::operation_aborted || error == asio::error::bad_descriptor)
            co_return error;
        auto slept = co_await clock_.sleep_for(tcp_accept_pause);
        if (!slept) co_return slept.error();
    }
}

Task<Result<std::unique_ptr<ByteStream>>> TcpStreams::connect(Endpoint to) {
    asio::ip::tcp::socket socket(acceptor_.get_executor());
    const Endpoint there{beyond_nat64(to.host), to.port};
    const auto endpoint = tcp_endpoint(there);
    std::error_code error;
    socket.open(endpoint.protocol(), error);
    // Who was told to use one address uses no other.
    const bool from_there = !local_.host.is_unspecified();
    if (from_there && local_.host.is_v4() != to.host.is_v4())
        co_return make_error_code(std::errc::address_family_not_supported);
    const Endpoint from{local_.host, 0};
    if (!error && from_there) socket.bind(tcp_endpoint(from), error);
    if (error) co_return error;
    limit_tcp_packets(socket.native_handle(), to);
    auto [failed] = co_await socket.async_connect(endpoint, use_result);
    if (failed) co_return failed;
    co_return std::make_unique<TcpByteStream>(clock_, std::move(socket));
}

}  // namespace kp2p
