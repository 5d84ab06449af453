// Lan: members of our channels in our LAN, found without a DHT, without the Internet, and without
// naming them. It announces us with tags that only members can read, anew every quarter of an hour
// and whenever our channels change, and tells who else announces a channel of ours and where. That
// is only a hint: who is there must still prove its key and the channel. Shape: construct, spawn
// run().
#pragma once

#include <deque>
#include <functional>

#include "node/async/runtime.hpp"
#include "node/discover/lan_service.hpp"
#include "proto/endpoint.hpp"
#include "proto/lookup/lan_announcement.hpp"

namespace kp2p {

struct NearPeer {
    NodeId node;
    std::vector<Endpoint> places;  // TCP
    friend bool operator==(const NearPeer&, const NearPeer&) = default;
};

struct LanParts {
    Runtime& runtime;
    LanService& service;
    NodeId own;
    std::uint16_t port = 0;                            // ours, TCP
    std::function<std::vector<ChannelKey>()> keys;     // of our channels, as of now
    std::function<std::vector<Host>()> own_hosts;      // of our interfaces, as of now
    std::function<void(std::vector<NearPeer>)> found;  // all that are there; when that has changed
    // Where our own key is announced, not by us; once for each announcement. Null: it is ignored.
    std::function<void(std::vector<Endpoint>)> twin = nullptr;
};

class Lan {
  public:
    static constexpr std::chrono::minutes announcement_life{15};
    static constexpr std::chrono::seconds look_interval{2};
    static constexpr std::size_t max_near = 32;

    explicit Lan(LanParts parts) : parts_(std::move(parts)) {}

    Task<> run();
    void announce_anew() { due_ = {}; }  // at the next look

  private:
    void announce();
    std::optional<LanOffer> offer(const std::vector<ChannelKey>& keys);
    std::vector<NearPeer> near() const;
    void look_for_twin();
    void remember(const proto::LanSalt& salt);

    LanParts parts_;
    std::vector<ChannelKey> announced_;
    Clock::Time due_{};
    std::vector<NearPeer> told_;
    std::deque<proto::LanSalt> own_salts_;  // ours, and those of a twin that was told
    bool trouble_said_ = false;
};

}  // namespace kp2p
