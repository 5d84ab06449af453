#include "proto/punch/nat.hpp"

#include <algorithm>

namespace kp2p::proto::punch {
namespace {

constexpr std::size_t min_sequence = 3;
// A busy NAT gives some ports to others in between.
constexpr int max_sequence_span = 48;

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
    if (distinct && ports.back() - ports.front() <= max_sequence_span)
        kind.last_port = ports.back();
    return kind;
}

std::optional<std::vector<Endpoint>> OwnNat::addresses() const {
    auto addresses = classifier_.addresses();
    const NatKind kind = this->kind();
    if (!addresses || addresses->empty() || !kind.sequential()) return addresses;
    Endpoint last = addresses->front();
    last.port = *kind.last_port;
    addresses->push_back(last);
    return addresses;
}

bool OwnNat::is_ours(const Endpoint& address) const {
    const auto& addresses = classifier_.addresses();
    return addresses &&
           std::find(addresses->begin(), addresses->end(), address) != addresses->end();
}

void RemoteNat::update(const dht::HolepunchPayload& said, const std::optional<Endpoint>& verified) {
    std::vector<Target> targets;
    if (said.addresses) {
        for (const Endpoint& address : *said.addresses) {
            if (targets.size() == max_targets) break;
            const bool known = std::any_of(targets_.begin(), targets_.end(), [&](const Target& t) {
                return t.verified && t.address.host == address.host;
            });
            targets.push_back({address, known || (verified && verified->host == address.host)});
        }
    }
    firewall_ = said.firewall;
    punching_ = said.punching;
    last_port_.reset();
    const bool tells_last = firewall_ >= Firewall::random && targets.size() == 2 &&
                            targets[0].address.host == targets[1].address.host;
    if (tells_last && targets[0].address.port == 0 && targets[1].address.port != 0)
        last_port_ = targets[1].address.port;
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
