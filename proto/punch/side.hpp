// Side: what the client's and the server's machine of a hole punch have in common.
#pragma once

#include <deque>
#include <variant>

#include "proto/dht/wire/secure_payload.hpp"
#include "proto/punch/budget.hpp"
#include "proto/punch/plan.hpp"

namespace kp2p::proto::punch {

// The socket number 0 is to be closed and another opened, whose NAT is then looked at: the old one
// seems to have a NAT that behaves one way today and another tomorrow, as mobile networks have.
struct Reopen {};

// Why a hole punch has failed, or is as good as that.
enum class Failure {
    nat_unknown,   // of one side: too few DHT nodes say how they see it
    both_random,   // and not sequential
    not_answered,  // by the other side, through the relay
    refused,       // by the other side
    busy,          // too many heavy punches are under way, here or there
    no_hole,       // all probes were in vain
};

// Packets to a NAT that may let them in before both sides know what theirs do: by one whose own
// draws ports, to which no harm is done, since hardly anything will ever be sent from that port to
// this one again. In what lets in whatever comes from anywhere, or from our host, they find a way.
struct Knock {  // from socket 0: a probe, or what shows more
    Endpoint to;
};
class Knocks {
  public:
    static constexpr std::size_t most = 6;

    void begin(Time now, const Endpoint& to) { to_ = to, began_ = now, sent_ = 0; }
    void stop() { sent_ = most; }
    std::optional<Knock> next(Time now, Budget& budget);
    std::optional<Time> deadline() const;

  private:
    Endpoint to_;
    Time began_{};
    std::size_t sent_ = most;
};

// What the other side is told of our NAT.
void tell(dht::HolepunchPayload& payload, const OwnNat& ours, const RemoteNat& theirs);

// What it sends while punching, within the budget.
class Punching {
  public:
    // Of all plans together, or a client that says something else about its NAT each time would
    // have us send for as long as it likes. The longest plan has 1870.
    static constexpr std::size_t max_probes = 2300;

    explicit Punching(Budget& budget) : budget_(budget) {}

    // Says why if there is no way, or no budget. A plan for the same NATs that is under way goes
    // on.
    std::optional<Failure> begin(Time now, const Plan::Setup& setup);
    bool under_way() const { return plan_.has_value(); }
    std::optional<Way> way() const { return way_; }  // of the last plan
    bool over(Time now) const { return plan_ && !due() && now >= plan_->ends(); }
    void stop() { plan_.reset(), heavy_ = Budget::Permit(); }
    std::optional<Probe> next(Time now);
    std::optional<Time> deadline() const;

  private:
    std::optional<Time> due() const;  // of the next probe

    Budget& budget_;
    Budget::Permit heavy_;
    std::optional<Plan> plan_;
    std::optional<Way> way_;
    NatKind ours_, theirs_;
    std::size_t sent_ = 0;
    Time wait_{};  // while the budget is spent
};

}  // namespace kp2p::proto::punch
