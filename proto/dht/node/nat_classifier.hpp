// What kind of NAT is in front of one socket, judged from how several DHT nodes see it: the same
// mapping for every destination (consistent) or another for each (random). Decides from the third
// sample on. Source: npm hyperdht 6.34.0 (lib/nat.js), which gives up where there are fewer.
#pragma once

#include <optional>
#include <set>
#include <vector>

#include "proto/dht/wire/peer_messages.hpp"

namespace kp2p::proto::dht {

enum class Reach { behind_nat, open };  // whether unsolicited packets are known to arrive

class NatClassifier {
  public:
    static constexpr std::size_t max_samples = 64;  // later ones are ignored

    explicit NatClassifier(Reach reach)
        : reach_(reach), firewall_(reach == Reach::open ? Firewall::open : Firewall::unknown) {}

    struct Sample {
        Endpoint seen;  // our socket's address as the referrer sees it
        Endpoint referrer;
    };
    // One sample counts per referrer.
    void add(const Sample& sample);
    // The result has been told to the other side and no longer changes.
    void freeze() { frozen_ = true; }
    // No further samples are to be expected. In a network of one or two nodes it is decided by what
    // most of those say that there are: a hole that is not there costs less than one not tried.
    void exhaust();

    Firewall firewall() const { return firewall_; }
    // Where the socket may be reached; nothing while unknown, or when open.
    const std::optional<std::vector<Endpoint>>& addresses() const { return addresses_; }
    std::size_t sampled() const { return sampled_; }
    bool decided() const;

  private:
    struct Counted {
        Endpoint address;
        std::size_t hits = 0;
    };

    void classify();
    void guess();
    void note_addresses();
    std::vector<Endpoint> reachable() const;

    Reach reach_;
    Firewall firewall_;
    std::optional<std::vector<Endpoint>> addresses_;
    std::vector<Counted> seen_;   // by hits, most first
    std::vector<Counted> hosts_;  // the same with port 0
    std::set<Endpoint> referrers_;
    std::size_t sampled_ = 0;
    bool frozen_ = false, exhausted_ = false;
};

}  // namespace kp2p::proto::dht
