#include "node/process/relay_route.hpp"

#include <cstdlib>

#include "proto/outcome.hpp"

namespace kp2p {
namespace {

using namespace proto::tunnel;

std::string variable(const char* lower, const char* upper) {
    for (const char* name : {lower, upper})
        if (const char* value = std::getenv(name); value && *value) return value;
    return {};
}

}  // namespace

Result<RelayRoute> relay_route(RelayUrl url, std::string& why) {
    RelayRoute route{std::move(url)};
    const std::string proxy = variable("https_proxy", "HTTPS_PROXY");
    const std::string without = variable("no_proxy", "NO_PROXY");
    const WebAddress relay{route.url.host, route.url.port};
    if (proxy.empty() || is_without_proxy(without, relay)) return route;
    auto parsed = Proxy::parse(proxy);
    if (!parsed) {  // it may hold a password
        why = "https_proxy takes http://[USER:PASSWORD@]HOST[:PORT]";
        return Errc::usage;
    }
    route.proxy = *std::move(parsed);
    return route;
}

}  // namespace kp2p
