// UPnP: the services WANIPConnection and WANPPPConnection of an Internet Gateway Device, versions 1
// and 2, by libminiupnpc. Whoever is in the LAN may answer as a router.
#include <miniupnpc/miniupnpc.h>
#include <miniupnpc/upnpcommands.h>
#include <miniupnpc/upnpdev.h>

#include <array>
#include <optional>

#include "node/mapping/gateway.hpp"
#include "proto/outcome.hpp"

namespace kp2p {
namespace {

constexpr int discovery_ms = 1500;      // for each version of the device
constexpr std::size_t max_devices = 4;  // that are looked at
constexpr unsigned char multicast_hops = 2;
// Of the ports that are tried when ours is taken: another kp2p behind the same router has it.
constexpr int max_other_ports = 4;
// Errors of AddPortMapping that say more than no. Source: UPnP Forum, WANIPConnection:2, 2.5.16.
constexpr int conflict = 718, only_permanent = 725, other_mechanism = 729;

using Text = std::array<char, 64>;

Host host_in(const Text& text) {
    const auto host = Host::parse(text.data());
    return host ? *host : Host();
}

// A device with such a service, as it has described itself.
class Router {
  public:
    static std::unique_ptr<Router> find(const Host& local) {
        const std::string interface = local.is_unspecified() ? std::string() : local.text();
        const char* const kinds[] = {"urn:schemas-upnp-org:device:InternetGatewayDevice:1",
                                     "urn:schemas-upnp-org:device:InternetGatewayDevice:2",
                                     nullptr};
        int error = 0;
        UPNPDev* devices = ::upnpDiscoverDevices(
            kinds, discovery_ms, interface.empty() ? nullptr : interface.c_str(), nullptr,
            UPNP_LOCAL_PORT_ANY, 0, multicast_hops, &error, 0);
        keep_some(devices);
        auto router = std::make_unique<Router>();
#if MINIUPNPC_API_VERSION >= 18
        Text wan{};
        const int found =
            ::UPNP_GetValidIGD(devices, &router->urls_, &router->data_, router->lan_.data(),
                               int(router->lan_.size()), wan.data(), int(wan.size()));
#else
        const int found = ::UPNP_GetValidIGD(devices, &router->urls_, &router->data_,
                                             router->lan_.data(), int(router->lan_.size()));
#endif
        ::freeUPNPDevlist(devices);
        router->filled_ = found != 0;
        // 1: connected; 2: that, with a private address, or, in old versions, not connected.
        return found == 1 || found == 2 ? std::move(router) : nullptr;
    }
    Router() = default;
    Router(const Router&) = delete;
    ~Router() {
        if (filled_) ::FreeUPNPUrls(&urls_);
    }

    // The host in http://HOST:PORT/..., if it is an address.
    std::string address() const {
        std::string_view url = urls_.controlURL ? urls_.controlURL : "";
        if (const auto at = url.find("://"); at != url.npos) url.remove_prefix(at + 3);
        const auto host = Host::parse(url.substr(0, url.find_first_of(":/")));
        return host ? host->text() : "an unknown address";
    }
    std::optional<Host> external() const {
        Text text{};
        if (::UPNP_GetExternalIPAddress(urls_.controlURL, service(), text.data()) != 0)
            return std::nullopt;
        text.back() = 0;
        return host_in(text);
    }
    struct Wish {
        const char* protocol;
        std::uint16_t inside, outside;
    };
    // 0, or an error of the library's or of the router's.
    int add(const Wish& wish, std::chrono::seconds lifetime) const {
        const std::string inside = std::to_string(wish.inside);
        const std::string outside = std::to_string(wish.outside);
        const std::string seconds = std::to_string(lifetime.count());
        return ::UPNP_AddPortMapping(urls_.controlURL, service(), outside.c_str(), inside.c_str(),
                                     lan_.data(), mapping_name, wish.protocol, nullptr,
                                     seconds.c_str());
    }
    void remove(const char* protocol, std::uint16_t outside) const {
        const std::string port = std::to_string(outside);
        (void)::UPNP_DeletePortMapping(urls_.controlURL, service(), port.c_str(), protocol,
                                       nullptr);
    }

  private:
    static void keep_some(UPNPDev* devices) {
        for (std::size_t count = 1; devices; devices = devices->pNext, ++count) {
            if (count < max_devices || !devices->pNext) continue;
            ::freeUPNPDevlist(devices->pNext);
            devices->pNext = nullptr;
        }
    }
    const char* service() const { return data_.first.servicetype; }

    UPNPUrls urls_{};
    IGDdatas data_{};
    Text lan_{};
    bool filled_ = false;
};

class UpnpGateway final : public Gateway {
  public:
    Result<Mapping> map(const MappingWish& wish) override {
        std::optional<Host> external;
        if (router_) external = router_->external();
        if (!external) {  // it is new, or gone, or another one by now
            router_ = Router::find(wish.local);
            if (router_) external = router_->external();
        }
        if (!router_) return Errc::not_found;
        if (!external) return Errc::timed_out;
        Mapping mapping;
        mapping.method = Mapping::Method::upnp;
        mapping.router = router_->address();
        mapping.external = *external;
        mapping.lifetime = wanted_lifetime;
        mapping.udp_port =
            map_one({"UDP", wish.udp_port, wish.external_udp_port}, wish.spare_port, udp_, mapping);
        mapping.tcp_port =
            map_one({"TCP", wish.tcp_port, wish.external_tcp_port}, wish.spare_port, tcp_, mapping);
        if (mapping.udp_port == 0 && mapping.tcp_port == 0) return Errc::refused;
        return mapping;
    }

    void unmap() override {
        if (router_ && udp_) router_->remove("UDP", udp_);
        if (router_ && tcp_) router_->remove("TCP", tcp_);
        udp_ = tcp_ = 0;
    }

  private:
    // `mapped`: what is forwarded to us, which changes.
    std::uint16_t map_one(Router::Wish wish, std::uint16_t spare, std::uint16_t& mapped,
                          Mapping& mapping) {
        if (wish.inside == 0) return 0;
        if (wish.outside == 0) wish.outside = wish.inside;
        for (int tries = 0; tries <= max_other_ports; ++tries) {
            const int error = add(wish, mapping);
            if (error == 0) {
                if (mapped && mapped != wish.outside) router_->remove(wish.protocol, mapped);
                return mapped = wish.outside;
            }
            if (error != conflict && error != other_mechanism) break;
            wish.outside = static_cast<std::uint16_t>(spare + tries);
        }
        mapped = 0;
        return 0;
    }

    int add(const Router::Wish& wish, Mapping& mapping) const {
        const int error = router_->add(wish, mapping.lifetime);
        if (error != only_permanent) return error;
        mapping.lifetime = {};
        return router_->add(wish, mapping.lifetime);
    }

    std::unique_ptr<Router> router_;
    std::uint16_t udp_ = 0, tcp_ = 0;  // there, as far as we know
};

}  // namespace

std::unique_ptr<Gateway> upnp_gateway() { return std::make_unique<UpnpGateway>(); }

}  // namespace kp2p
