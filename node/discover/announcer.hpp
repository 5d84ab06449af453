// Announcer: keeps a listening key reachable. Announces it at the closest three nodes, while it has
// none at the closest of those that answer quickly, pings these every 3 s so that the NAT in front
// of us keeps letting them through, and starts over about every 5 min, or at once when too few of
// them answer, our default socket has changed, or they see us at another address than before: what
// they hold for us leads to the old one. Source: npm hyperdht 6.34.0 (lib/announcer.js), which does
// not look at the address and waits for all. Shape: spawn run(); cancel it to stop, then await
// unannounce() if there is time for a farewell.
#pragma once

#include <array>

#include "node/dht/dht.hpp"

namespace kp2p {

class Announcer {
  public:
    static constexpr std::size_t max_relays = 3;

    Announcer(Dht& dht, proto::KeyPair keys);

    Task<> run();
    // Takes the key back from the relays. run() has ended.
    Task<Result<void>> unannounce();

    // What a client needs to reach us through each relay.
    const std::vector<proto::dht::NoisePayload::Relay>& relays() const { return relays_; }
    // Ourselves if open, then relays: at most three.
    std::vector<Endpoint> relay_addresses() const;
    // Whether we announced at this node in one of the last three rounds.
    bool is_relay(const Endpoint& address) const;
    // Waits until we are announced for the first time, or that has failed.
    Task<Result<void>> announced();
    // Asks at once whether the relays still have us where we are.
    void hurry() { hurried_.notify_all(); }
    // Called with each node that has a record of our key, before ours takes its place there.
    void on_held(std::function<void(const Endpoint&)> held) { on_held_ = std::move(held); }
    // Called when we have been announced at another address than before.
    void on_moved(std::function<void()> moved) { on_moved_ = std::move(moved); }

  private:
    Task<Result<void>> round();
    Task<Result<void>> announce_at(QueryEnd end);
    Task<> announce_early(QueryEnd so_far);
    void round_ended();
    Task<Result<void>> unannounce_at(std::vector<Endpoint> nodes);
    Task<> take_back(Endpoint node);
    Task<Result<void>> keep_alive();

    Dht& dht_;
    proto::KeyPair keys_;
    proto::dht::DhtId target_;
    std::vector<proto::dht::NoisePayload::Relay> relays_;
    std::array<std::vector<Endpoint>, 3> rounds_;  // relays of the last three, newest first
    std::vector<Endpoint> seeds_;
    Event changed_, hurried_;
    bool tried_ = false;
    std::function<void(const Endpoint&)> on_held_;
    std::function<void()> on_moved_;
    bool moved_ = false;  // since the last round began
    std::optional<Clock::Time> moved_at_;
    std::optional<proto::dht::SocketId> announced_on_;  // where the relays send what is for us
    std::uint64_t announced_after_ = 0;                 // so many moves of the DHT
};

}  // namespace kp2p
