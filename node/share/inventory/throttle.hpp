// Throttle: a number of bytes a second that all who move some share fairly, each peer alike
// however much it asks for. Two ways to take of it: take() waits; try_take() is for who looks again
// by itself. Nobody who waits holds up anything but his own bytes.
#pragma once

#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "node/async/event.hpp"
#include "node/async/runtime.hpp"
#include "proto/bytes.hpp"
#include "proto/limit/rate_table.hpp"
#include "proto/limit/token_bucket.hpp"

namespace kp2p {

class Throttle {
  public:
    explicit Throttle(Runtime& runtime);
    Throttle(const Throttle&) = delete;

    void set(proto::RateTable::Rate rate);  // also for those who wait
    bool limits() const { return bucket_.has_value(); }

    // Returns when the bytes may move. operation_aborted when cancelled.
    Task<Result<void>> take(NodeId whose, std::size_t bytes);
    // Whether they may move now. Who was refused has his turn before those who come later, if he
    // asks again within a second.
    bool try_take(const void* whose, std::size_t bytes);
    // Of all of these or of none; who is refused by one does not wait for those behind it.
    static bool try_take(const std::vector<Throttle*>& all, const void* whose, std::size_t bytes);

  private:
    // When what waits would be through if all were served at once, in bytes: the least goes first.
    using Turns = std::multimap<double, NodeId>;
    struct Asker {
        const void* whose;
        Clock::Time seen;
    };
    class Turn;
    bool ask(const void* whose);  // whether it is his turn
    void pay(const void* whose, std::size_t bytes);
    void forget_served();
    void wake_at_refill();

    Runtime& runtime_;
    proto::RateTable::Rate rate_;
    std::optional<proto::TokenBucket> bucket_;  // none: nothing is limited
    double served_ = 0;
    Turns turns_;
    std::map<NodeId, double> last_;  // of each peer that waits or did just now
    std::list<Asker> askers_;        // refused, the first first
    Event changed_;
    std::unique_ptr<Alarm> refilled_;
};

}  // namespace kp2p
