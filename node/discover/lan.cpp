#include "node/discover/lan.hpp"

#include <algorithm>

namespace kp2p {
namespace {

// Nobody in the LAN makes us knock at doors elsewhere. Of the Internet's addresses those are near
// that are in a /64 of ours.
bool is_near(const Host& host, const std::vector<Host>& own) {
    const HostKind kind = host.kind();
    if (kind == HostKind::link_local) return host.is_v4() || host.zone() != 0;
    if (kind != HostKind::global || host.is_v4()) return kind == HostKind::site;
    return std::ranges::any_of(
        own, [&](const Host& ours) { return ours.subscriber() == host.subscriber(); });
}

constexpr std::size_t max_salts = 64;

using InstanceName = Bytes<struct InstanceNameTag, 8>;

}  // namespace

Task<> Lan::run() {
    for (;;) {
        announce();
        std::vector<NearPeer> now = near();
        if (now != told_) {
            told_ = now;
            parts_.found(std::move(now));
        }
        look_for_twin();
        const std::string trouble = parts_.service.trouble();
        if (!trouble.empty() && !std::exchange(trouble_said_, true))
            parts_.runtime.log("lan", "nobody is looked for in the LAN: " + trouble);
        auto slept = co_await parts_.runtime.clock.sleep_for(look_interval);
        if (!slept) co_return;
    }
}

void Lan::announce() {
    std::vector<ChannelKey> keys = parts_.keys();
    const auto now = parts_.runtime.clock.now();
    if (keys == announced_ && now < due_) return;
    due_ = now + announcement_life;
    parts_.service.announce(offer(keys));
    announced_ = std::move(keys);
}

// How many channels there are is not shown either. Of more than fit, each time others are.
std::optional<LanOffer> Lan::offer(const std::vector<ChannelKey>& keys) {
    if (keys.empty()) return std::nullopt;
    Random& random = parts_.runtime.random;
    proto::LanAnnouncement shown{parts_.own, random.bytes<proto::LanSalt>(), {}};
    remember(shown.salt);
    const std::size_t first = random.number() % keys.size();
    for (std::size_t i = 0; i < proto::lan_tags; ++i) {
        shown.tags[i] = random.bytes<proto::LanTag>();
        if (i >= keys.size()) continue;
        const ChannelKey& key = keys[(first + i) % keys.size()];
        shown.tags[i] = proto::lan_tag(key, shown.salt, shown.node);
    }
    std::ranges::sort(shown.tags);
    return LanOffer{random.bytes<InstanceName>().hex(), parts_.port, proto::encode(shown)};
}

void Lan::remember(const proto::LanSalt& salt) {
    if (own_salts_.size() >= max_salts) own_salts_.pop_front();
    own_salts_.push_back(salt);
}

void Lan::look_for_twin() {
    const std::vector<Host> own = parts_.own_hosts();
    for (const LanFound& found : parts_.service.found()) {
        const auto shown = proto::decode_lan_announcement(found.txt);
        if (!shown || shown->node != parts_.own || found.port == 0 || !parts_.twin) continue;
        if (std::ranges::find(own_salts_, shown->salt) != own_salts_.end()) continue;
        remember(shown->salt);
        std::vector<Endpoint> places;
        for (const Host& host : found.hosts)
            if (is_near(host, own) && places.size() < LanService::max_hosts)
                places.push_back({host, found.port});
        parts_.twin(std::move(places));
    }
}

std::vector<NearPeer> Lan::near() const {
    std::vector<NearPeer> near;
    const std::vector<ChannelKey> keys = parts_.keys();
    const std::vector<Host> own = parts_.own_hosts();
    for (const LanFound& found : parts_.service.found()) {
        const auto shown = proto::decode_lan_announcement(found.txt);
        if (!shown || shown->node == parts_.own || found.port == 0) continue;
        const auto ours = [&](const ChannelKey& key) { return shown->shows(key); };
        if (std::ranges::none_of(keys, ours)) continue;
        auto peer = std::ranges::find(near, shown->node, &NearPeer::node);
        if (peer == near.end() && near.size() >= max_near) continue;
        if (peer == near.end()) peer = near.insert(peer, NearPeer{shown->node, {}});
        for (const Host& host : found.hosts) {
            const Endpoint place{host, found.port};
            if (is_near(host, own) && peer->places.size() < LanService::max_hosts &&
                std::ranges::find(peer->places, place) == peer->places.end())
                peer->places.push_back(place);
        }
    }
    std::erase_if(near, [](const NearPeer& peer) { return peer.places.empty(); });
    std::ranges::sort(near, {}, &NearPeer::node);
    return near;
}

}  // namespace kp2p
