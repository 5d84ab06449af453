#include <dlfcn.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <optional>

#include "node/discover/dns_sd_calls.hpp"

namespace kp2p {
namespace {

constexpr const char* dns_sd_library = "libdns_sd.so.1";
// Where Avahi listens, or systemd for it.
constexpr std::array avahi_sockets{"/run/avahi-daemon/socket", "/var/run/avahi-daemon/socket"};

template <class Call>
bool look_up(void* library, const char* name, Call& call) {
    call = reinterpret_cast<Call>(::dlsym(library, name));
    return call != nullptr;
}

std::optional<DnsSdCalls> load_dns_sd_calls() {
    void* library = ::dlopen(dns_sd_library, RTLD_NOW | RTLD_LOCAL);
    if (!library) return std::nullopt;
    DnsSdCalls calls{};
    const bool complete = look_up(library, "DNSServiceBrowse", calls.browse) &&
                          look_up(library, "DNSServiceRegister", calls.announce) &&
                          look_up(library, "DNSServiceResolve", calls.resolve) &&
                          look_up(library, "DNSServiceQueryRecord", calls.query) &&
                          look_up(library, "DNSServiceProcessResult", calls.process) &&
                          look_up(library, "DNSServiceRefSockFD", calls.socket) &&
                          look_up(library, "DNSServiceRefDeallocate", calls.release);
    if (!complete) return std::nullopt;
    return calls;
}

}  // namespace

const DnsSdCalls* dns_sd_calls(std::string& why) {
    std::error_code absent;
    const bool runs = std::ranges::any_of(
        avahi_sockets, [&](const char* path) { return std::filesystem::exists(path, absent); });
    if (!runs) {
        why = "no daemon for DNS-SD answers here";
        return nullptr;
    }
    static const std::optional<DnsSdCalls> calls = load_dns_sd_calls();
    if (calls) return &*calls;
    why = std::string(dns_sd_library) + " is missing, by which Avahi is asked";
    return nullptr;
}

}  // namespace kp2p
