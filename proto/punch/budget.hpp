// Budget: what all hole punches of a node may send and hold together, so that nobody takes it for a
// flood, and a stranger cannot make it one. One for the node; machines share it. Time is passed in.
#pragma once

#include <map>
#include <optional>
#include <utility>

#include "proto/bytes.hpp"
#include "proto/crypto/noise.hpp"
#include "proto/limit/token_bucket.hpp"

namespace kp2p::proto::punch {

class Budget {
  public:
    // hyperdht has one heavy punch at a time, and none for twenty seconds after it; ours share a
    // rate instead, so that a second client need not wait.
    static constexpr std::size_t max_heavy = 4, max_punches = 128;
    // As the responder, for whoever greets us: what is left is for our own dials.
    static constexpr std::size_t max_served = 96;
    static constexpr std::size_t max_punches_of_peer = 2;  // in each role
    // A socket costs a descriptor, and a machine may have no more than 1024.
    static constexpr std::size_t max_sockets = 512;
    static constexpr TokenBucket::Limits probes{400, 400};

    explicit Budget(TokenBucket::Time now) : probes_(now, probes) {}
    Budget(const Budget&) = delete;

    bool spend_probe(TokenBucket::Time now) { return probes_.spend(now); }

    using Use = std::pair<NodeId, Role>;  // of a peer

    // The right to punch, and the right to do it with hundreds of packets; given back when they go.
    class Permit {
      public:
        Permit() = default;
        Permit(Permit&& other) noexcept { swap(other); }
        Permit& operator=(Permit&& other) noexcept {
            swap(other);
            return *this;
        }
        ~Permit();
        explicit operator bool() const { return budget_ != nullptr; }

      private:
        friend class Budget;
        void swap(Permit& other) {
            std::swap(budget_, other.budget_);
            std::swap(use_, other.use_);
        }
        Budget* budget_ = nullptr;
        std::optional<Use> use_;  // none: a heavy one
    };
    Permit punch(const NodeId& peer, Role role);  // false if there are too many
    bool full(Role role) const;
    bool full(const NodeId& peer, Role role) const;
    Permit heavy();

  private:
    TokenBucket probes_;
    std::map<Use, std::size_t> uses_;
    std::size_t punches_ = 0, served_ = 0, heavy_ = 0;
};

}  // namespace kp2p::proto::punch
