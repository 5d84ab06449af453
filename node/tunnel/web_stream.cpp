#include "node/tunnel/web_stream.hpp"

#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <asio/ssl/host_name_verification.hpp>
#include <asio/write.hpp>

#include "node/net/address.hpp"
#include "node/net/nat64.hpp"
#include "node/net/tcp_state.hpp"
#include "node/tunnel/impostor.hpp"
#include "proto/outcome.hpp"

namespace kp2p {
namespace {

// Keep-alives go more often. What is not acknowledged for so long is sent again ever less often, so
// that another connection is there sooner when the way is.
constexpr std::chrono::seconds max_web_silence{12};
constexpr std::size_t head_read_bytes = 2 << 10;
// Datagrams had better be lost than come late.
constexpr std::size_t max_unsent_bytes = 128 << 10;

using Certificate = std::unique_ptr<X509, decltype(&X509_free)>;

// `refused` lives as long as the context is in use.
Result<std::shared_ptr<asio::ssl::context>> client_context(const TlsServerName& server,
                                                           Clock::WallTime now,
                                                           TunnelTrouble& refused) {
    auto context = std::make_shared<asio::ssl::context>(asio::ssl::context::tls_client);
    SSL_CTX_set_min_proto_version(context->native_handle(), TLS1_2_VERSION);
    std::error_code error;
    if (server.fingerprint) return context;  // looked at when it is there
    context->set_default_verify_paths(error);
    if (!error) context->set_verify_mode(asio::ssl::verify_peer, error);
    const auto verify = [names = asio::ssl::host_name_verification(server.host), now, &refused](
                            bool trusted, asio::ssl::verify_context& chain) {
        const bool taken = names(trusted, chain);
        X509_STORE_CTX* const store = chain.native_handle();
        const int reason = trusted ? X509_V_OK : X509_STORE_CTX_get_error(store);
        if (!taken) refused = refusal_of(X509_STORE_CTX_get0_cert(store), reason, now);
        return taken;
    };
    if (!error) context->set_verify_callback(verify, error);
    if (error) return error;
    return context;
}

Result<void> check_fingerprint(SSL* tls, const proto::tunnel::Fingerprint& wanted,
                               TunnelTrouble& refused) {
    const Certificate certificate(SSL_get1_peer_certificate(tls), X509_free);
    if (certificate && fingerprint_of(certificate.get()) == wanted) return ok;
    refused = {"its certificate is not that of the URL; it " + certificate_words(certificate.get()),
               true};
    return Errc::unauthorized;
}

}  // namespace

proto::tunnel::Fingerprint fingerprint_of(X509* certificate) {
    proto::tunnel::Fingerprint fingerprint;
    unsigned size = 0;
    X509_digest(certificate, EVP_sha256(), fingerprint.data(), &size);
    return fingerprint;
}

WebStream::WebStream(asio::ip::tcp::socket socket) : socket_(std::move(socket)) {
    std::error_code ignored;
    socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
    limit_tcp_silence(socket_.native_handle(), max_web_silence);
    limit_tcp_unsent(socket_.native_handle(), max_unsent_bytes);
    const auto remote = socket_.remote_endpoint(ignored);
    remote_ = {from_address(remote.address()), remote.port()};
}

Task<Result<std::unique_ptr<WebStream>>> WebStream::connect(Endpoint to) {
    asio::ip::tcp::socket socket(co_await asio::this_coro::executor);
    const asio::ip::tcp::endpoint endpoint(to_address(beyond_nat64(to.host)), to.port);
    std::error_code opened;
    socket.open(endpoint.protocol(), opened);
    if (opened) co_return opened;
    limit_tcp_packets(socket.native_handle(), to);
    auto [error] = co_await socket.async_connect(endpoint, use_result);
    if (error) co_return error;
    co_return std::make_unique<WebStream>(std::move(socket));
}

Task<Result<void>> WebStream::start_tls(TlsServerName server, Clock::WallTime now) {
    auto context = client_context(server, now, refusal_);
    if (!context) co_return context.error();
    context_ = *std::move(context);
    tls_.emplace(socket_, *context_);
    if (!Host::parse(server.host))
        SSL_set_tlsext_host_name(tls_->native_handle(), server.host.c_str());
    auto [error] = co_await tls_->async_handshake(asio::ssl::stream_base::client, use_result);
    if (error) co_return error;
    if (!server.fingerprint) co_return ok;
    co_return check_fingerprint(tls_->native_handle(), *server.fingerprint, refusal_);
}

std::string WebStream::certificate_shown() const {
    if (!tls_) return {};
    SSL* const tls = const_cast<asio::ssl::stream<asio::ip::tcp::socket&>&>(*tls_).native_handle();
    const Certificate certificate(SSL_get1_peer_certificate(tls), X509_free);
    return certificate ? "; it " + certificate_words(certificate.get()) : std::string();
}

Task<Result<void>> WebStream::accept_tls(std::shared_ptr<asio::ssl::context> context) {
    context_ = std::move(context);
    tls_.emplace(socket_, *context_);
    auto [error] = co_await tls_->async_handshake(asio::ssl::stream_base::server, use_result);
    if (error) co_return error;
    co_return ok;
}

Task<Result<std::size_t>> WebStream::read_some(std::span<std::uint8_t> into) {
    if (!input_.empty()) {
        const std::size_t size = std::min(into.size(), input_.size());
        std::copy_n(input_.begin(), size, into.begin());
        input_.erase(input_.begin(), input_.begin() + static_cast<std::ptrdiff_t>(size));
        co_return size;
    }
    if (!socket_.is_open()) co_return Errc::closed;
    const asio::mutable_buffer room(into.data(), into.size());
    std::error_code error;
    std::size_t size = 0;
    if (tls_)
        std::tie(error, size) = co_await tls_->async_read_some(room, use_result);
    else
        std::tie(error, size) = co_await socket_.async_read_some(room, use_result);
    if (error == asio::error::eof) co_return Errc::closed;
    if (error) co_return error;
    co_return size;
}

Task<Result<void>> WebStream::write(ByteView bytes) {
    if (!socket_.is_open()) co_return Errc::closed;
    const asio::const_buffer all(bytes.data(), bytes.size());
    std::error_code error;
    std::size_t size = 0;
    if (tls_)
        std::tie(error, size) = co_await asio::async_write(*tls_, all, use_result);
    else
        std::tie(error, size) = co_await asio::async_write(socket_, all, use_result);
    if (error) co_return error;
    co_return ok;
}

Task<Result<HttpHead>> WebStream::read_head(HttpSide side) {
    ByteVector read = std::exchange(input_, {});
    for (;;) {
        auto parsed = parse_head(side, read);
        if (!parsed) co_return parsed.error();
        if (*parsed) {
            input_.assign(read.begin() + static_cast<std::ptrdiff_t>((*parsed)->bytes), read.end());
            co_return std::move((*parsed)->head);
        }
        const std::size_t had = read.size();
        read.resize(had + head_read_bytes);
        auto more = co_await read_some(std::span(read).subspan(had));
        if (!more) co_return more.error();
        read.resize(had + *more);
    }
}

void WebStream::close() {
    std::error_code ignored;
    socket_.shutdown(asio::ip::tcp::socket::shutdown_both, ignored);
    socket_.close(ignored);
}

}  // namespace kp2p
