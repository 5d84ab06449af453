#include "proto/punch/nat.hpp"

#include <algorithm>

namespace kp2p::proto::punch {
namespace {

constexpr std::size_t min_sequence = 3;
// A busy NAT gives some ports to others in between.
constexpr int max_sequence_span = 48;

bool are_foretold(const std::vector<Endpoint>& addresses) {
    if (addresses.size() != RemoteNat::foretold_ports) return false;
    const auto breaks = [](const Endpoint& one, const Endpoint& next) {
        return next.host != one.host || next.port != one.port + 1;
    };
    return std::adjacent_find(addresses.begin(), addresses.end(), breaks) == addresses.end();
}

}  // namespace

std::string_view name_of(const NatKind& kind) {
    if (kind.sequential()) return "another port for each destination, one after another";
    switch (kind.firewall) {
        case Firewall::open:
            return "open";
        case Firewall::consistent:
            return "one port for all destinations";
        case Firewall::random:
            return "a random port for each destination";
        case Firewall::unknown:
            break;
    }
    return "unknown";
}

void OwnNat::add(const dht::NatClassifier::Sample& sample) {
    const std::size_t before = classifier_.sampled();
    classifier_.add(sample);
    if (classifier_.sampled() > before) seen_.push_back(sample.seen);
}

NatKind OwnNat::kind() const {
    NatKind kind{classifier_.firewall(), std::nullopt};
    if (!kind.random() || seen_.size() < min_sequence) return kind;
    std::vector<std::uint16_t> ports;
    for (const Endpoint& seen : seen_) {
        if (seen.host != seen_.front().host) return kind;
        ports.push_back(seen.port);
    }
    std::sort(ports.begin(), ports.end());
    const bool distinct = std::adjacent_find(ports.begin(), ports.end()) == ports.end();
    const bool goes_on = ports.back() <= 0xffff - RemoteNat::foretold_ports;
    if (distinct && goes_on && ports.back() - ports.front() <= max_sequence_span)
        kind.last_port = ports.back();
    return kind;
}

std::vector<Endpoint> OwnNat::foretold() const {
    std::vector<Endpoint> ports(RemoteNat::foretold_ports, seen_.front());
    std::uint16_t port = *kind().last_port;
    for (Endpoint& next : ports) next.port = ++port;
    return ports;
}

bool OwnNat::is_ours(const Endpoint& address) const {
    const auto& addresses = classifier_.addresses();
    return addresses &&
           std::find(addresses->begin(), addresses->end(), address) != addresses->end();
}

void RemoteNat::update(const dht::HolepunchPayload& said, const std::optional<Endpoint>& verified) {
    std::vector<Endpoint> addresses = said.addresses.value_or(std::vector<Endpoint>());
    const bool foretells = said.firewall == Firewall::consistent && are_foretold(addresses);
    firewall_ = foretells ? Firewall::random : said.firewall;
    punching_ = said.punching;
    last_port_.reset();
    if (foretells) last_port_ = static_cast<std::uint16_t>(std::max<int>(addresses[0].port, 1) - 1);
    addresses.resize(std::min(addresses.size(), foretells ? 1 : max_targets));
    std::vector<Target> targets;
    for (const Endpoint& address : addresses) {
        const bool known = std::any_of(targets_.begin(), targets_.end(), [&](const Target& t) {
            return t.verified && t.address.host == address.host;
        });
        targets.push_back({address, known || (verified && verified->host == address.host)});
    }
    targets_ = std::move(targets);
}

void RemoteNat::seen(const Endpoint& at) {
    if (seen_ && seen_->host == at.host && seen_->port != at.port) {
        const auto first = std::min(seen_->port, at.port), last = std::max(seen_->port, at.port);
        if (last - first <= max_sequence_span) last_seen_port_ = last;
    }
    seen_ = at;
}

NatKind RemoteNat::foreseen() const {
    NatKind kind = this->kind();
    if (kind.random() && !kind.last_port) kind.last_port = last_seen_port_;
    return kind;
}

std::optional<Endpoint> RemoteNat::verified() const {
    for (const Target& target : targets_)
        if (target.verified) return target.address;
    return std::nullopt;
}

bool RemoteNat::has_host(const Endpoint& address) const {
    return std::any_of(targets_.begin(), targets_.end(),
                       [&](const Target& t) { return t.address.host == address.host; });
}

}  // namespace kp2p::proto::punch
