#include "proto/tunnel/socks5.hpp"

#include <algorithm>

#include "proto/errc.hpp"
#include "proto/host.hpp"
#include "proto/outcome.hpp"

namespace kp2p::proto::tunnel {
namespace {

constexpr std::uint8_t version = 5, login_version = 1, connect_command = 1;
constexpr std::uint8_t no_login = 0, by_password = 2, no_method = 0xff;
constexpr std::uint8_t of_v4 = 1, by_name = 3, of_v6 = 4;
constexpr std::size_t port_bytes = 2;

// RFC 1928, section 6.
constexpr std::string_view replies[] = {
    "",
    "does not get through to the relay, and says no more",
    "does not let through to the relay",
    "does not get through to the relay: it has no network that leads there",
    "does not get through to the relay: it does not reach that host",
    "does not get through to the relay: nothing listens there",
    "does not get through to the relay: it is too far away",
    "knows no CONNECT",
    "knows no addresses of this kind",
};

void put(ByteVector& out, std::string_view text) {
    out.push_back(static_cast<std::uint8_t>(text.size()));
    out.insert(out.end(), text.begin(), text.end());
}

}  // namespace

Socks5::Socks5(const WebAddress& to, std::string_view credentials)
    : to_(to), credentials_(credentials) {
    output_ = {version, 1, no_login};
    if (!credentials_.empty()) output_ = {version, 2, no_login, by_password};
    expect(Awaits::method, 2);
}

void Socks5::expect(Awaits what, std::size_t bytes) {
    awaits_ = what;
    wanted_ = bytes;
}

std::error_code Socks5::refused(std::string why) {
    why_ = std::move(why);
    return make_error_code(kp2p::Errc::refused);
}

std::error_code Socks5::garbled() {
    why_ = "does not speak SOCKS 5";
    return make_error_code(Errc::bad_value);
}

Result<void> Socks5::receive(ByteView bytes) {
    if (bytes.size() != wanted_ || bytes.empty()) return garbled();
    if (awaits_ == Awaits::rest) {
        wanted_ = 0;
        return ok;
    }
    const std::uint8_t spoken = awaits_ == Awaits::login ? login_version : version;
    if (awaits_ != Awaits::address && bytes[0] != spoken) return garbled();
    switch (awaits_) {
        case Awaits::method:
            return receive_method(bytes[1]);
        case Awaits::login:
            if (bytes[1] != 0) return refused("wants a user and a password that it knows");
            ask();
            return ok;
        case Awaits::reply:
            if (bytes[1] >= std::size(replies))
                return refused("refuses, with code " + std::to_string(bytes[1]));
            if (bytes[1] != 0) return refused(std::string(replies[bytes[1]]));
            expect(Awaits::address, 3);  // to the first byte of what it is called there
            return ok;
        case Awaits::address:
        case Awaits::rest:
            break;
    }
    return receive_address(bytes);
}

Result<void> Socks5::receive_method(std::uint8_t method) {
    const bool can_log_in = !credentials_.empty();
    if (method == no_login) {
        ask();
    } else if (method == by_password && can_log_in) {
        log_in();
    } else if (method == no_method || method == by_password) {
        return refused(can_log_in ? "lets nobody in by a user and a password, nor without"
                                  : "wants a user and a password that it knows");
    } else {
        return garbled();
    }
    return ok;
}

void Socks5::log_in() {
    const std::string_view all = credentials_;
    const auto colon = std::min(all.find(':'), all.size());
    output_ = {login_version};
    put(output_, all.substr(0, colon));
    put(output_, all.substr(std::min(colon + 1, all.size())));
    expect(Awaits::login, 2);
}

void Socks5::ask() {
    output_ = {version, connect_command, 0};
    const auto host = Host::parse(to_.host);
    if (!host) {
        output_.push_back(by_name);
        put(output_, to_.host);
    } else {
        output_.push_back(host->is_v4() ? of_v4 : of_v6);
        const ByteView address(host->bytes());
        const ByteView told = host->is_v4() ? address.subspan(12) : address;
        output_.insert(output_.end(), told.begin(), told.end());
    }
    output_.push_back(static_cast<std::uint8_t>(to_.port >> 8));
    output_.push_back(static_cast<std::uint8_t>(to_.port));
    expect(Awaits::reply, 2);
}

// Of no use: it must be read, as what follows is the relay's.
Result<void> Socks5::receive_address(ByteView bytes) {
    std::size_t rest = port_bytes;
    if (bytes[1] == of_v4) {
        rest += 3;
    } else if (bytes[1] == of_v6) {
        rest += 15;
    } else if (bytes[1] == by_name) {
        rest += bytes[2];
    } else {
        return garbled();
    }
    expect(Awaits::rest, rest);
    return ok;
}

}  // namespace kp2p::proto::tunnel
