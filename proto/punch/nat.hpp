// What is known of the NATs of both sides of a hole punch: ours, from how DHT nodes see one of our
// sockets; theirs, from what the other side says. Source: npm hyperdht 6.34.0 (lib/nat.js,
// lib/holepuncher.js). A NAT that hands out ports one after another is told apart from one that
// draws them: hyperdht calls both random, and so do we in front of it.
#pragma once

#include <optional>
#include <vector>

#include "proto/dht/node/nat_classifier.hpp"
#include "proto/dht/wire/peer_messages.hpp"

namespace kp2p::proto::punch {

using dht::Firewall;

struct NatKind {
    Firewall firewall = Firewall::unknown;
    // Of a random one: the greatest port that it handed out lately, if they follow each other.
    std::optional<std::uint16_t> last_port;

    bool consistent() const {
        return firewall == Firewall::consistent || firewall == Firewall::open;
    }
    bool random() const { return firewall >= Firewall::random; }
    bool sequential() const { return random() && last_port; }
    friend bool operator==(const NatKind&, const NatKind&) = default;
};
std::string_view name_of(const NatKind& kind);  // for a person

class OwnNat {
  public:
    explicit OwnNat(dht::Reach reach) : reach_(reach), classifier_(reach) {}

    void add(const dht::NatClassifier::Sample& sample);
    void exhaust() { classifier_.exhaust(); }
    void freeze() { classifier_.freeze(); }
    bool decided() const { return classifier_.decided(); }
    std::size_t sampled() const { return classifier_.sampled(); }
    NatKind kind() const;
    // To tell the other side, with its kind: hyperdht's, but for a sequential NAT.
    const std::optional<std::vector<Endpoint>>& addresses() const {
        return classifier_.addresses();
    }
    // Instead, of a sequential one to a side that keeps its ports: that it does so too, and is
    // seen at each of the ports that come next. A hyperdht sends to all of them each second, and
    // not to fifty random ones; one of ours reads last_port from it.
    std::vector<Endpoint> foretold() const;
    bool is_ours(const Endpoint& address) const;
    OwnNat reopened() const { return OwnNat(reach_); }

  private:
    dht::Reach reach_;
    dht::NatClassifier classifier_;
    std::vector<Endpoint> seen_;
};

struct Target {
    Endpoint address;
    // Whoever is there has shown that it gets what is sent to this host.
    bool verified = false;
};

class RemoteNat {
  public:
    static constexpr std::size_t max_targets = 4;
    static constexpr std::size_t foretold_ports = 50;

    explicit RemoteNat(Firewall firewall) : firewall_(firewall) {}

    // `verified` is a host that this very message has proven; of an address only that counts.
    void update(const dht::HolepunchPayload& said, const std::optional<Endpoint>& verified);
    NatKind kind() const { return {firewall_, last_port_}; }
    // Where a relay sees one of its sockets. hyperdht does not say that its ports follow each
    // other; two that do show it.
    void seen(const Endpoint& at);
    NatKind foreseen() const;  // the same with what was seen
    bool punching() const { return punching_; }
    const std::vector<Target>& targets() const { return targets_; }
    std::optional<Endpoint> verified() const;
    bool has_host(const Endpoint& address) const;

  private:
    Firewall firewall_;
    std::optional<std::uint16_t> last_port_;
    std::vector<Target> targets_;
    bool punching_ = false;
    std::optional<Endpoint> seen_;
    std::optional<std::uint16_t> last_seen_port_;  // of those that follow each other
};

}  // namespace kp2p::proto::punch
