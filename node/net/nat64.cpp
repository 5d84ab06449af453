#include "node/net/nat64.hpp"

#include <algorithm>

#include "proto/outcome.hpp"

namespace kp2p {
namespace {

// RFC 7050, section 2.2: it has these of IPv4 alone, so one of IPv6 holds the prefix.
constexpr const char* known_name = "ipv4only.arpa";
const Host known_hosts[] = {{192, 0, 0, 170}, {192, 0, 0, 171}};
constexpr std::size_t prefix_bytes = 12;
constexpr std::chrono::seconds prefix_limit{5};

std::optional<Host> prefix_in_use;

bool has_prefix(const Host& host, const Host& prefix) {
    return std::equal(host.bytes().begin(), host.bytes().begin() + prefix_bytes,
                      prefix.bytes().begin());
}

Host with_last(const Host& prefix, const Host& v4) {
    auto bytes = prefix.bytes();
    std::copy(v4.bytes().begin() + prefix_bytes, v4.bytes().end(), bytes.begin() + prefix_bytes);
    return Host(bytes);
}

Host last_of(const Host& host) {
    const auto& bytes = host.bytes();
    return {bytes[12], bytes[13], bytes[14], bytes[15]};
}

}  // namespace

std::optional<Host> nat64_prefix() { return prefix_in_use; }

void use_nat64(std::optional<Host> prefix) { prefix_in_use = prefix; }

Host beyond_nat64(const Host& host) {
    const bool there = prefix_in_use && host.is_v4() && host.kind() == HostKind::global;
    return there ? with_last(*prefix_in_use, host) : host;
}

Host before_nat64(const Host& host) {
    const bool there = prefix_in_use && !host.is_v4() && has_prefix(host, *prefix_in_use);
    return there ? last_of(host) : host;
}

Task<Result<void>> look_for_nat64(Clock& clock, std::vector<Host> own, Resolve resolve) {
    if (own.empty() || std::ranges::any_of(own, &Host::is_v4)) {
        use_nat64(std::nullopt);
        co_return ok;
    }
    NameQuestion question{known_name, prefix_limit};
    question.ask = std::move(resolve);
    auto hosts = co_await hosts_of(clock, std::move(question));
    if (!hosts) co_return hosts.error();
    for (const Host& host : *hosts) {
        if (host.is_v4() || std::ranges::find(known_hosts, last_of(host)) == std::end(known_hosts))
            continue;
        use_nat64(with_last(host, Host(0, 0, 0, 0)));
        co_return ok;
    }
    co_return make_error_code(asio::error::host_not_found);
}

}  // namespace kp2p
