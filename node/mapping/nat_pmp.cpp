// NAT-PMP (RFC 6886), by libnatpmp: one packet each way, to the default gateway. Routers with PCP
// (RFC 6887) answer it too.
#include <natpmp.h>
#include <poll.h>

#include <algorithm>
#include <cstring>
#include <optional>

#include "node/mapping/gateway.hpp"
#include "proto/outcome.hpp"

namespace kp2p {
namespace {

// The library sends again after 0.25 s, 0.5 s, 1 s, and so on up to a minute.
constexpr int max_sends = 3;
// Whatever else comes from the router, and whatever happens to the calendar's clock, by which the
// library reckons.
constexpr int max_reads = 12;
constexpr long max_wait_ms = 1000;

Host host_of(std::uint32_t network_order) {
    std::array<std::uint8_t, 4> bytes;
    std::memcpy(bytes.data(), &network_order, bytes.size());
    return Host(bytes);
}

class NatPmp {
  public:
    NatPmp() : open_(::initnatpmp(&state_, 0, 0) == 0) {}
    NatPmp(const NatPmp&) = delete;
    ~NatPmp() {
        if (open_) ::closenatpmp(&state_);
    }
    bool open() const { return open_; }
    Host gateway() const { return host_of(state_.gateway); }

    Result<Host> external() {
        if (::sendpublicaddressrequest(&state_) < 0) return Errc::not_found;
        auto answer = read(NATPMP_RESPTYPE_PUBLICADDRESS);
        if (!answer) return answer.error();
        return host_of(answer->pnu.publicaddress.addr.s_addr);
    }
    struct Ports {
        std::uint16_t inside, outside;
    };
    struct Given {
        std::uint16_t port;
        std::chrono::seconds lifetime;
    };
    Result<Given> map(int protocol, Ports ports, std::chrono::seconds lifetime) {
        const auto seconds = static_cast<std::uint32_t>(lifetime.count());
        if (::sendnewportmappingrequest(&state_, protocol, ports.inside, ports.outside, seconds) <
            0)
            return Errc::not_found;
        const bool udp = protocol == NATPMP_PROTOCOL_UDP;
        auto answer = read(udp ? NATPMP_RESPTYPE_UDPPORTMAPPING : NATPMP_RESPTYPE_TCPPORTMAPPING);
        if (!answer) return answer.error();
        const auto& given = answer->pnu.newportmapping;
        if (given.privateport != ports.inside) return Errc::refused;
        return Given{given.mappedpublicport, std::chrono::seconds(given.lifetime)};
    }

  private:
    Result<natpmpresp_t> read(int type) {
        for (int reads = 0; reads < max_reads && state_.try_number <= max_sends; ++reads) {
            natpmpresp_t answer{};
            const int got = ::readnatpmpresponseorretry(&state_, &answer);
            if (got == 0 && answer.type == type) return answer;
            if (got == NATPMP_ERR_NOTAUTHORIZED || got == NATPMP_ERR_OUTOFRESOURCES)
                return Errc::refused;
            if (got == NATPMP_ERR_NETWORKFAILURE) return Errc::timed_out;  // no address yet
            if (got != 0 && got != NATPMP_TRYAGAIN) break;
            // The second answer to a question that was asked twice: old versions of the library
            // take it for that to the next one.
            if (got == 0) state_.has_pending_request = 1;
            timeval left{};
            if (::getnatpmprequesttimeout(&state_, &left) < 0) break;
            const auto left_ms = left.tv_sec * 1000 + left.tv_usec / 1000 + 1;
            pollfd readable{state_.s, POLLIN, 0};
            (void)::poll(&readable, 1, static_cast<int>(std::clamp<long>(left_ms, 1, max_wait_ms)));
        }
        return Errc::not_found;
    }

    natpmp_t state_{};
    bool open_;
};

class NatPmpGateway final : public Gateway {
  public:
    Result<Mapping> map(const MappingWish& wish) override {
        NatPmp router;
        if (!router.open()) return Errc::not_found;
        const auto external = router.external();
        if (!external) return external.error();
        Mapping mapping;
        mapping.method = Mapping::Method::nat_pmp;
        mapping.router = router.gateway().text();
        mapping.external = *external;
        mapping.lifetime = wanted_lifetime;
        std::error_code why = Errc::refused;
        const auto ask = [&](int protocol, NatPmp::Ports ports, std::uint16_t& given) {
            if (ports.inside == 0) return;
            if (ports.outside == 0) ports.outside = ports.inside;
            auto made = router.map(protocol, ports, wanted_lifetime);
            if (!made) {
                why = made.error();
            } else if (made->port != 0) {
                given = made->port;
                mapping.lifetime = std::min(mapping.lifetime, made->lifetime);
            }
        };
        mapped_ = wish;
        ask(NATPMP_PROTOCOL_UDP, {wish.udp_port, wish.external_udp_port}, mapping.udp_port);
        ask(NATPMP_PROTOCOL_TCP, {wish.tcp_port, wish.external_tcp_port}, mapping.tcp_port);
        if (mapping.udp_port == 0 && mapping.tcp_port == 0) return why;
        // Zero would be without end, which NAT-PMP does not know.
        mapping.lifetime = std::max(mapping.lifetime, std::chrono::seconds(1));
        return mapping;
    }

    void unmap() override {
        if (!mapped_) return;
        NatPmp router;
        if (!router.open()) return;
        if (mapped_->udp_port) (void)router.map(NATPMP_PROTOCOL_UDP, {mapped_->udp_port, 0}, {});
        if (mapped_->tcp_port) (void)router.map(NATPMP_PROTOCOL_TCP, {mapped_->tcp_port, 0}, {});
        mapped_.reset();
    }

  private:
    std::optional<MappingWish> mapped_;
};

}  // namespace

std::unique_ptr<Gateway> nat_pmp_gateway() { return std::make_unique<NatPmpGateway>(); }

}  // namespace kp2p
