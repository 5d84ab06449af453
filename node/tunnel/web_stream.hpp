// WebStream: a TCP connection, with TLS over it or not, on which HTTP is spoken and then something
// else. One read and one write wait at a time. After an error, or close(), everything fails.
#pragma once

#include <asio/ip/tcp.hpp>
#include <asio/ssl/context.hpp>
#include <asio/ssl/stream.hpp>
#include <memory>
#include <optional>
#include <string>

#include "node/async/asio.hpp"
#include "node/tunnel/impostor.hpp"
#include "proto/endpoint.hpp"
#include "proto/tunnel/relay_url.hpp"

namespace kp2p {

// What a client of TLS knows of the server.
struct TlsServerName {
    std::string host;
    std::optional<proto::tunnel::Fingerprint> fingerprint;
};

// Of the certificate, DER, by SHA-256.
proto::tunnel::Fingerprint fingerprint_of(X509* certificate);

class WebStream {
  public:
    explicit WebStream(asio::ip::tcp::socket socket);
    WebStream(const WebStream&) = delete;
    WebStream& operator=(const WebStream&) = delete;

    static Task<Result<std::unique_ptr<WebStream>>> connect(Endpoint to);
    // From here on all goes through TLS 1.2 or later. The server must have a certificate with this
    // fingerprint or, without one, one for this host that the system trusts; else it is an error.
    // `now` is what is said where its time is not now.
    Task<Result<void>> start_tls(TlsServerName server, Clock::WallTime now);
    // Why start_tls() did not take its certificate; no words: it has shown none.
    const TunnelTrouble& refusal() const { return refusal_; }
    // "; it shows a certificate of ..."; without TLS: nothing.
    std::string certificate_shown() const;
    Task<Result<void>> accept_tls(std::shared_ptr<asio::ssl::context> context);

    // At least one byte; Errc::closed when the other side has ended.
    Task<Result<std::size_t>> read_some(std::span<std::uint8_t> into);
    Task<Result<void>> write(ByteView bytes);
    // Reads the head and no more: what follows it comes with the next read_some(). Errors as
    // parse_head().
    Task<Result<HttpHead>> read_head(HttpSide side);
    // Whether something came behind the head already.
    bool has_more() const { return !input_.empty(); }
    void close();
    Endpoint remote() const { return remote_; }

  private:
    asio::ip::tcp::socket socket_;
    Endpoint remote_;
    std::shared_ptr<asio::ssl::context> context_;
    std::optional<asio::ssl::stream<asio::ip::tcp::socket&>> tls_;
    TunnelTrouble refusal_;
    ByteVector input_;  // read with a head, and not used yet
};

}  // namespace kp2p
