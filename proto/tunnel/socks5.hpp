// Socks5: how a SOCKS proxy is asked for a way to a host: by its name, which the proxy then looks
// up (RFC 1928), with a user and a password where it wants them (RFC 1929). Our side of that; no
// I/O. Shape: send take_output(), receive() exactly wanted_bytes(), and again until these are none:
// then the way is open.
#pragma once

#include <string>
#include <utility>

#include "proto/bytes.hpp"
#include "proto/tunnel/web_address.hpp"

namespace kp2p::proto::tunnel {

class Socks5 {
  public:
    static constexpr std::size_t max_wanted_bytes = 257;

    // The credentials, if any, are as Proxy::parse() gives them.
    Socks5(const WebAddress& to, std::string_view credentials);

    ByteVector take_output() { return std::exchange(output_, {}); }
    std::size_t wanted_bytes() const { return wanted_; }
    // Errc::refused, or proto::Errc::bad_value for what is no SOCKS 5, with `why()`, of whom "the
    // proxy" is the beginning.
    Result<void> receive(ByteView bytes);
    const std::string& why() const { return why_; }

  private:
    enum class Awaits { method, login, reply, address, rest };

    void expect(Awaits what, std::size_t bytes);
    std::error_code refused(std::string why);
    std::error_code garbled();
    Result<void> receive_method(std::uint8_t method);
    Result<void> receive_address(ByteView bytes);
    void log_in();
    void ask();

    WebAddress to_;
    std::string credentials_, why_;
    ByteVector output_;
    Awaits awaits_ = Awaits::method;
    std::size_t wanted_ = 0;
};

}  // namespace kp2p::proto::tunnel
