#include "node/reach/ipv6_door.hpp"

#include <algorithm>

#include "node/async/timeout.hpp"
#include "node/reach/handshake.hpp"

namespace kp2p {
namespace {

using namespace std::chrono_literals;

constexpr std::uint8_t knock_bytes[] = {0};  // what punches a hole
// From one round of probes to the next: what is answerable for as few as it may be, when it is told
// where by somebody who has proven nothing.
constexpr std::chrono::milliseconds between_knocks[] = {150ms, 250ms, 500ms, 1000ms};

}  // namespace

struct Ipv6Door::Meeting {
    Meeting(Ipv6Door& door, std::vector<Endpoint> at)
        : door(door), places(std::move(at)), changed(door.runtime_.executor) {
        door.meetings_.push_back(this);
    }
    Meeting(const Meeting&) = delete;
    ~Meeting() { std::erase(door.meetings_, this); }

    Ipv6Door& door;
    std::vector<Endpoint> places;
    std::optional<Endpoint> heard;
    Event changed;
};

Ipv6Door::Ipv6Door(Runtime& runtime, Dht& dht) : runtime_(runtime), dht_(dht) {
    port().on_probe([this](UdpPort&, const Datagram& datagram) { heard(datagram.from); });
}

Ipv6Door::~Ipv6Door() { port().on_probe(nullptr); }

std::vector<Endpoint> Ipv6Door::places(const std::vector<Endpoint>& said) const {
    std::vector<Endpoint> places;
    if (ipv6_addresses(port().socket().local()).empty()) return places;
    for (const Endpoint& place : said) {
        const HostKind kind = place.host.kind();
        const bool leads = kind == HostKind::global || kind == HostKind::site;
        const bool fits = !place.host.is_v4() && place.port != 0 && leads;
        if (fits && places.size() < max_ipv6_addresses) places.push_back(place);
    }
    return places;
}

Task<Result<UdxPath>> Ipv6Door::meet(std::vector<Endpoint> places) {
    Clock& clock = runtime_.clock;
    Meeting meeting(*this, std::move(places));
    for (const auto wait : between_knocks) {
        send_to(meeting.places);
        const auto until = clock.now() + wait;
        while (!meeting.heard && clock.now() < until) {
            auto woken = co_await with_timeout(clock, until - clock.now(), meeting.changed.wait());
            if (!woken && woken.error() != Errc::timed_out) co_return woken.error();
        }
        if (meeting.heard) co_return UdxPath{&port().socket(), *meeting.heard};
    }
    co_return Errc::timed_out;
}

Task<> Ipv6Door::knock(std::vector<Endpoint> places) {
    for (const auto wait : between_knocks) {
        send_to(places);
        auto slept = co_await runtime_.clock.sleep_for(wait);
        if (!slept) co_return;
    }
}

void Ipv6Door::heard(const Endpoint& from) {
    for (Meeting* meeting : meetings_) {
        if (std::ranges::find(meeting->places, from) == meeting->places.end()) continue;
        meeting->heard = from;
        meeting->changed.notify_all();
    }
}

void Ipv6Door::send_to(const std::vector<Endpoint>& places) {
    for (const Endpoint& place : places) port().socket().send(place, knock_bytes);
}

}  // namespace kp2p
