// SimNat: a router with one public address, as Sim puts it in front of a host. It maps a socket, or
// a socket and a destination, to a port, and lets in what its kind does.
#pragma once

#include <map>
#include <optional>
#include <random>
#include <set>

#include "proto/endpoint.hpp"

namespace kp2p::test {

class SimNat {
  public:
    enum class Kind { full_cone, address_restricted, port_restricted, random, sequential };

    SimNat(Kind kind, const Endpoint& outside, std::uint64_t seed)
        : kind_(kind), outside_{outside.host, 0}, random_(seed), last_(port()) {}

    // What the destination sees as the source.
    Endpoint outward(const Endpoint& inside, const Endpoint& to);
    // The socket that it is for; none: it is dropped.
    std::optional<Endpoint> inward(const Endpoint& from, const Endpoint& to) const;
    const Endpoint& outside() const { return outside_; }  // port 0
    void become(Kind kind) { kind_ = kind; }              // and forgets nothing
    // As it was asked to: from now on, whoever sends to that port of it reaches the socket. What
    // the socket sends comes from where it always has.
    void forward(std::uint16_t port, const Endpoint& inside) { forwarded_[port] = inside; }
    void forward_no_more(std::uint16_t port) { forwarded_.erase(port); }

  private:
    struct Mapping {
        Endpoint inside;
        std::set<Endpoint> known;  // what it has sent to, and the same with port 0
    };
    std::uint16_t port() {
        return static_cast<std::uint16_t>(std::uniform_int_distribution<int>(1024, 60000)(random_));
    }

    Kind kind_;
    Endpoint outside_;
    std::mt19937_64 random_;
    std::uint16_t last_;
    std::map<std::pair<Endpoint, Endpoint>, std::uint16_t> ports_;  // by socket and destination
    std::map<std::uint16_t, Mapping> mappings_;
    std::map<std::uint16_t, Endpoint> forwarded_;
};

inline Endpoint SimNat::outward(const Endpoint& inside, const Endpoint& to) {
    const bool symmetric = kind_ == Kind::random || kind_ == Kind::sequential;
    const std::pair key(inside, symmetric ? to : Endpoint());
    auto found = ports_.find(key);
    if (found == ports_.end()) {
        std::uint16_t port = last_;
        while (mappings_.contains(port)) port = kind_ == Kind::sequential ? ++last_ : this->port();
        found = ports_.emplace(key, port).first;
        mappings_[port].inside = inside;
    }
    Mapping& mapping = mappings_[found->second];
    mapping.known.insert(to);
    mapping.known.insert({to.host, 0});
    return {outside_.host, found->second};
}

inline std::optional<Endpoint> SimNat::inward(const Endpoint& from, const Endpoint& to) const {
    if (const auto asked = forwarded_.find(to.port); asked != forwarded_.end())
        return asked->second;
    const auto found = mappings_.find(to.port);
    if (found == mappings_.end()) return std::nullopt;
    const Mapping& mapping = found->second;
    if (kind_ == Kind::full_cone) return mapping.inside;
    const Endpoint known = kind_ == Kind::address_restricted ? Endpoint{from.host, 0} : from;
    if (!mapping.known.contains(known)) return std::nullopt;
    return mapping.inside;
}

}  // namespace kp2p::test
