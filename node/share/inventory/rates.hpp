// Rates: how fast files may travel, over all connections, in each direction.
#pragma once

#include "node/share/inventory/throttle.hpp"

namespace kp2p {

class Rates {
  public:
    enum class Place { lan, elsewhere };  // of a peer

    explicit Rates(Runtime& runtime);
    Rates(const Rates&) = delete;

    void set(proto::RateLimits limits);  // hold from now on, and follow the calendar
    struct Now {
        proto::RateTable::Rate up, down;
    };
    Now now() const;

    // What is given to, or asked of, a peer there; null: as fast as it goes.
    Throttle* up(Place place) { return heeds(up_, place) ? &up_ : nullptr; }
    Throttle* down(Place place) { return heeds(down_, place) ? &down_ : nullptr; }

  private:
    bool heeds(const Throttle& throttle, Place place) const {
        return throttle.limits() && (place == Place::elsewhere || limits_.in_lan);
    }
    void apply();

    Runtime& runtime_;
    proto::RateLimits limits_;
    Throttle up_, down_;
    std::unique_ptr<Alarm> next_;  // when the timetable may say something else
};

}  // namespace kp2p
