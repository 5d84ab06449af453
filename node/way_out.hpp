// WayOut: decides whether a node's datagrams leave here or at a relay. Both are tried from the
// start; UDP here is used if any node of the DHT answers over it. When the DHT falls silent it is
// tried again, and the relay is used if that is in vain; while it is used, UDP here is tried now
// and then, and used again as soon as it answers. Shape: spawn run().
#pragma once

#include <functional>
#include <memory>

#include "node/async/runtime.hpp"
#include "node/dht/dht.hpp"
#include "node/tunnel/tunnels.hpp"

namespace kp2p {

class WayOut {
  public:
    static constexpr std::chrono::seconds probe_interval{10};  // while the relay is used
    static constexpr std::chrono::seconds max_dht_silence{4};
    static constexpr std::chrono::seconds kept_after_use{60};  // for what is still on its way

    // `probe` is a UDP socket here, on any port. `moved` hears that the node's address is another
    // than before. The tunnels outlive this.
    WayOut(Runtime& runtime, Tunnels& tunnels, std::unique_ptr<Datagrams> probe, Dht& dht,
           std::function<void()> moved);

    Task<> run();

  private:
    Task<> decide();
    Task<Result<void>> stay();
    Task<Result<void>> pass(Clock::Span span);
    Task<Result<bool>> udp_answers();
    Task<Result<bool>> answer_arrives(const std::vector<Endpoint>& asked, std::uint16_t tid);
    bool is_dht_silent() const;
    Clock::Span until_silence() const;
    void use_relay(bool used);

    Runtime& runtime_;
    Tunnels& tunnels_;
    std::unique_ptr<Datagrams> probe_;
    Dht& dht_;
    std::function<void()> moved_;
    std::uint64_t seen_moves_ = 0;
    std::optional<Clock::Time> left_;  // the relay, whose ports are kept for a while
};

}  // namespace kp2p
