#include "node/mapping/gateway.hpp"

#include <sys/select.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>

#include "node/net/interfaces.hpp"
#include "proto/outcome.hpp"

namespace kp2p {
namespace {

class FirstGateway final : public Gateway {
  public:
    FirstGateway(std::unique_ptr<Gateway> one, std::unique_ptr<Gateway> other)
        : first_(std::move(one)), second_(std::move(other)) {}

    Result<Mapping> map(const MappingWish& wish) override {
        auto mapped = first_->map(wish);
        if (mapped) return mapped;
        auto others = second_->map(wish);
        if (others) {
            first_->unmap();
            std::swap(first_, second_);
            return others;
        }
        // Of two failures that counts which somebody there has caused.
        return others.error() == Errc::not_found ? mapped : others;
    }
    void unmap() override {
        first_->unmap();
        second_->unmap();
    }

  private:
    std::unique_ptr<Gateway> first_, second_;
};

// The library for UPnP has its sockets in an fd_set, where greater numbers have no place.
bool descriptors_are_small() {
    constexpr int needed = 16;
    const int next = ::socket(AF_INET, SOCK_DGRAM, 0);
    if (next >= 0) ::close(next);
    return next >= 0 && next < FD_SETSIZE - needed;
}

class MachineGateway final : public Gateway {
  public:
    Result<Mapping> map(const MappingWish& wish) override {
        if (!is_behind_nat(wish.local, interface_hosts())) return Errc::not_found;
        if (!descriptors_are_small()) return Errc::limit_reached;
        return gateways_->map(wish);
    }
    void unmap() override { gateways_->unmap(); }

  private:
    std::unique_ptr<Gateway> gateways_ = first_gateway_of(nat_pmp_gateway(), upnp_gateway());
};

}  // namespace

std::unique_ptr<Gateway> first_gateway_of(std::unique_ptr<Gateway> one,
                                          std::unique_ptr<Gateway> other) {
    return std::make_unique<FirstGateway>(std::move(one), std::move(other));
}

bool is_behind_nat(const Host& bound, const std::vector<Host>& interfaces) {
    const std::vector<Host> one{bound};
    const std::vector<Host>& hosts = bound.is_unspecified() ? interfaces : one;
    const auto is = [](HostKind kind) {
        return [kind](const Host& host) { return host.is_v4() && host.kind() == kind; };
    };
    if (std::ranges::any_of(hosts, is(HostKind::global))) return false;
    return std::ranges::any_of(hosts, is(HostKind::site)) ||
           std::ranges::any_of(hosts, is(HostKind::shared));
}

std::unique_ptr<Gateway> machine_gateway() { return std::make_unique<MachineGateway>(); }

}  // namespace kp2p
