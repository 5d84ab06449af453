#include "node/net/udp_socket.hpp"

#include <unistd.h>

#include <asio/ip/v6_only.hpp>

#include "node/net/address.hpp"
#include "node/net/nat64.hpp"

namespace kp2p {
namespace {

// Best effort: the system may grant less. A burst that arrives while the loop is busy waits here.
constexpr int receive_buffer_bytes = 4 << 20;
constexpr int send_buffer_bytes = 1 << 20;

Endpoint beyond(const Endpoint& to) { return {beyond_nat64(to.host), to.port}; }

}  // namespace

asio::ip::udp::endpoint to_asio(const Endpoint& endpoint, const asio::ip::udp& protocol) {
    if (protocol == asio::ip::udp::v4()) return {to_address(endpoint.host), endpoint.port};
    return {asio::ip::address_v6(endpoint.host.bytes()), endpoint.port};
}

Endpoint from_asio(const asio::ip::udp::endpoint& endpoint) {
    return {from_address(endpoint.address()), endpoint.port()};
}

Result<std::unique_ptr<UdpSocket>> UdpSocket::open(Executor executor, const Endpoint& local) {
    asio::ip::udp::socket socket(executor);
    std::error_code error;
    const auto protocol = local.host.is_v4() ? asio::ip::udp::v4() : asio::ip::udp::v6();
    socket.open(protocol, error);
    if (!error) socket.non_blocking(true, error);
    if (!error && local.host == Host::any_v6()) socket.set_option(asio::ip::v6_only(false), error);
    if (!error) socket.bind(to_asio(local, protocol), error);
    if (error) return error;
    std::error_code ignored;
    socket.set_option(asio::socket_base::receive_buffer_size(receive_buffer_bytes), ignored);
    socket.set_option(asio::socket_base::send_buffer_size(send_buffer_bytes), ignored);
    const Endpoint bound = from_asio(socket.local_endpoint(error));
    if (error) return error;
    return std::unique_ptr<UdpSocket>(new UdpSocket(std::move(socket), bound));
}

std::function<Result<std::unique_ptr<Datagrams>>()> UdpSocket::opener(Executor executor,
                                                                      const Endpoint& local) {
    Endpoint any = local;
    any.port = 0;
    return [executor, any]() -> Result<std::unique_ptr<Datagrams>> {
        auto socket = open(executor, any);
        if (!socket) return socket.error();
        return std::unique_ptr<Datagrams>(std::move(*socket));
    };
}

UdpSocket::UdpSocket(asio::ip::udp::socket socket, const Endpoint& local)
    : socket_(std::move(socket)), local_(local), batch_(socket_) {}

UdpSocket::~UdpSocket() {
    if (resting_) ::close(*resting_);
}

// Of what is rejected a router tells once a second, and a stream that tries again each second would
// be told of every time: what it is told of has to be what asks.
void UdpSocket::ask_before(const Endpoint& to) {
    if (inquiries_.empty()) return;
    std::erase_if(inquiries_, [](const auto& entry) { return entry.second.expired(); });
    for (const auto& [place, entry] : inquiries_) {
        if (place != to) continue;
        const auto inquiry = entry.lock();
        if (!inquiry->answer()) inquiry->ask();
    }
}

void UdpSocket::send(const Endpoint& to, ByteView bytes) {
    ask_before(to);
    batch_.send(beyond(to), {&bytes, 1}, std::max<std::size_t>(1, bytes.size()));
}

void UdpSocket::send_with_ttl(const Endpoint& to, ByteView bytes, int ttl) {
    batch_.send_with_ttl(beyond(to), bytes, ttl);
}

void UdpSocket::send_in_fragments(const Endpoint& to, ByteView bytes) {
    ask_before(to);
    batch_.send_in_fragments(beyond(to), bytes);
}

void UdpSocket::send_segments(const Endpoint& to, std::span<const ByteView> pieces,
                              std::size_t segment_bytes) {
    ask_before(to);
    batch_.send(beyond(to), pieces, segment_bytes);
}

std::shared_ptr<Inquiry> UdpSocket::inquire(const Endpoint& to) {
    std::shared_ptr<Inquiry> inquiry =
        open_inquiry(socket_.get_executor(), local_.host, beyond(to));
    inquiries_.emplace_back(to, inquiry);
    return inquiry;
}

std::size_t UdpSocket::route_mtu_bytes(const Endpoint& to) const {
    return batch_.route_mtu_bytes(beyond(to));
}

std::span<const Datagram> UdpSocket::take() {
    std::error_code ignored;  // none is here, or an earlier send found nobody: not our concern
    return batch_.receive(ignored);
}

// The loop's reactor would be woken by each datagram, whether anybody waits for it or not.
void UdpSocket::rest() {
    if (resting_ || !UdpBatch::by_handle) return;
    std::error_code error;
    const auto handle = socket_.release(error);
    if (!error) resting_ = handle;
}

std::error_code UdpSocket::wake() {
    if (!resting_) return {};
    std::error_code error;
    socket_.assign(local_.host.is_v4() ? asio::ip::udp::v4() : asio::ip::udp::v6(), *resting_,
                   error);
    if (!error) resting_.reset();
    return error;
}

Task<Result<void>> UdpSocket::arrived() {
    if (const auto error = wake()) co_return error;
    auto [error] = co_await socket_.async_wait(asio::ip::udp::socket::wait_read, use_result);
    if (error) co_return error;
    co_return ok;
}

}  // namespace kp2p
