#include "proto/dht/node/reply_budget.hpp"

#include <algorithm>
#include <utility>

#include "proto/compact.hpp"
#include "proto/crypto/hash.hpp"

namespace kp2p::proto::dht {
namespace {

// In bytes on the wire. A newcomer asks a node a few times before it is proven; a client that keeps
// two hundred topics asks as often at once.
constexpr TokenBucket::Limits address_limits{4 << 10, 16 << 10};
constexpr TokenBucket::Limits network_limits{16 << 10, 64 << 10};
constexpr TokenBucket::Limits unproven_limits{256 << 10, 512 << 10};
constexpr TokenBucket::Limits proven_limits{64 << 10, 256 << 10};
constexpr TokenBucket::Limits all_proven_limits{2 << 20, 8 << 20};
constexpr std::size_t header_bytes = 28;  // of IPv4 and UDP

constexpr std::size_t proven_bytes = 5 << 18, ping_cache_bytes = 512 << 10;
constexpr Span ping_lifetime = std::chrono::seconds(2);

// Padded, so that the answer with an id is no more than three times as long: nodes of ours would
// else ping each other for ever.
constexpr std::size_t padding_bytes = 2, ping_bytes = 14, address_bytes = 6;

Endpoint network_of(const Endpoint& address) {
    const auto host = address.host.v4();
    return {{host[0], host[1], host[2], 0}, 0};
}

// The reply without what makes it too long: its value, nodes, our id. Nothing if that is not
// enough.
ByteVector encode_within(Reply reply, std::size_t limit) {
    ByteVector bytes = encode(reply);
    if (bytes.size() <= limit) return bytes;
    reply.value.reset();
    bytes = encode(reply);
    if (bytes.size() > limit) {
        const std::size_t nodes = (bytes.size() - limit + address_bytes - 1) / address_bytes;
        reply.closer_nodes.resize(reply.closer_nodes.size() -
                                  std::min(nodes, reply.closer_nodes.size()));
        bytes = encode(reply);
    }
    if (bytes.size() > limit) {
        reply.id.reset();
        bytes = encode(reply);
    }
    if (bytes.size() > limit) bytes.clear();
    return bytes;
}

}  // namespace

ReplyBudget::ReplyBudget(Time now, Sources sources, const TokenSecret& secret)
    : sources_(sources),
      secret_(secret),
      proven_(now, {proven_bytes, proof_lifetime}),
      pings_(now, {ping_cache_bytes, ping_lifetime}),
      by_address_(now, address_limits, RateLimit::Per::endpoint),
      by_network_(now, network_limits),
      unproven_(now, unproven_limits),
      all_proven_(now, all_proven_limits) {}

// Reading renews the entry, not the proof.
ReplyBudget::Proof* ReplyBudget::proof_of(Time now, const Endpoint& address) {
    Proof* proof = proven_.find(now, address);
    return proof && now - proof->at < proof_lifetime ? proof : nullptr;
}

bool ReplyBudget::is_proven(Time now, const Endpoint& address) {
    return sources_ == Sources::trusted || proof_of(now, address);
}

bool ReplyBudget::admits(Time now, const Endpoint& address) {
    if (sources_ == Sources::trusted) return true;
    if (Proof* proof = proof_of(now, address))
        return proof->bucket.left(now) > 0 && all_proven_.left(now) > 0;
    // Of loopback's addresses none is forged, and there may be many nodes.
    return by_address_.has_any(now, address) &&
           (address.host.is_loopback() || by_network_.has_any(now, network_of(address))) &&
           unproven_.left(now) > 0;
}

bool ReplyBudget::pays(Time now, const Endpoint& address, std::size_t bytes) {
    if (sources_ == Sources::trusted) return true;
    if (!admits(now, address)) return false;
    const auto cost = static_cast<double>(bytes + header_bytes);
    if (Proof* proof = proof_of(now, address)) {
        proof->bucket.pay(cost);
        all_proven_.pay(cost);
        return true;
    }
    by_address_.pay(now, address, cost);
    if (!address.host.is_loopback()) by_network_.pay(now, network_of(address), cost);
    unproven_.pay(cost);
    return true;
}

void ReplyBudget::send(SocketId on, const Endpoint& to, ByteVector bytes) {
    sends_.push_back({on, to, std::move(bytes)});
}

void ReplyBudget::give(Time now, SocketId on, Reply reply, const Request& request) {
    ByteVector bytes = encode(reply);
    const bool proven = is_proven(now, reply.to);
    const std::size_t allowed = proven ? bytes.size() : max_factor * encode(request).size();
    if (bytes.size() <= allowed) {
        const bool spares_ping = bytes.size() + ping_bytes <= allowed;
        if (pays(now, reply.to, bytes.size())) send(on, reply.to, std::move(bytes));
        if (!proven && spares_ping) ping(now, on, reply.to);
        return;
    }
    ping(now, on, reply.to);
    hold({now + patience, on, std::move(reply), allowed - ping_bytes});
}

void ReplyBudget::hold(Held held) {
    const auto same = std::find_if(held_.begin(), held_.end(), [&](const Held& other) {
        return other.reply.to == held.reply.to && other.reply.tid == held.reply.tid;
    });
    if (same != held_.end()) return;  // the request was repeated
    if (held_.size() >= max_held) held_.pop_front();
    held_.push_back(std::move(held));
}

std::uint16_t ReplyBudget::draw_tid() {
    const ByteVector input = Writer().u64(drawn_++).take();
    const auto hash = keyed_blake2b_256(secret_.view(), input);
    return Reader(hash.view()).u16();
}

void ReplyBudget::ping(Time now, SocketId on, const Endpoint& address) {
    if (is_proven(now, address)) return;
    Ping* known = pings_.find(now, address);
    if (known && known->sent == now) return;  // because of the same datagram
    if (!pays(now, address, ping_bytes)) return;
    if (!known) known = &pings_.put(now, address, {draw_tid(), now});
    known->sent = now;
    Request ping;
    ping.tid = known->tid;
    ping.to = address;
    ping.value = ByteVector(padding_bytes);
    send(on, address, encode(ping));
}

bool ReplyBudget::answered(Time now, const Endpoint& by, std::uint16_t tid) {
    const Ping* ping = pings_.find(now, by);
    if (!ping) return false;
    const bool right = ping->tid == tid;
    pings_.erase(by);
    if (right) prove(now, by);
    return right;
}

void ReplyBudget::prove(Time now, const Endpoint& address) {
    if (sources_ == Sources::trusted) return;
    Proof* proof = proven_.find(now, address);
    if (!proof) proof = &proven_.put(now, address, {now, TokenBucket(now, proven_limits)});
    proof->at = now;
    if (held_.empty()) return;
    std::deque<Held> others;
    for (Held& held : held_) {
        if (held.reply.to != address) {
            others.push_back(std::move(held));
            continue;
        }
        ByteVector bytes = encode(held.reply);
        if (pays(now, address, bytes.size())) send(held.on, address, std::move(bytes));
    }
    held_ = std::move(others);
}

void ReplyBudget::expire(Time now) {
    while (!held_.empty() && held_.front().due <= now) {
        const Held held = std::move(held_.front());
        held_.pop_front();
        ByteVector bytes = encode_within(held.reply, held.small_bytes);
        if (bytes.empty() || !pays(now, held.reply.to, bytes.size())) continue;
        send(held.on, held.reply.to, std::move(bytes));
    }
}

std::optional<Time> ReplyBudget::deadline() const {
    if (held_.empty()) return std::nullopt;
    return held_.front().due;
}

std::optional<Outgoing> ReplyBudget::next_send() {
    if (sends_.empty()) return std::nullopt;
    Outgoing send = std::move(sends_.front());
    sends_.pop_front();
    return send;
}

}  // namespace kp2p::proto::dht
