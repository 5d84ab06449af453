#include "node/udx/udx_context.hpp"

#include <sodium.h>

#include <cassert>

#include "node/udx/udx_relay.hpp"
#include "node/udx/udx_stream.hpp"

namespace kp2p {
namespace {

std::uint32_t draw(std::uint64_t seed, std::uint64_t counter) {
    std::array<std::uint8_t, crypto_shorthash_KEYBYTES> key{};
    std::array<std::uint8_t, sizeof counter> input;
    std::array<std::uint8_t, crypto_shorthash_BYTES> output;
    std::memcpy(key.data(), &seed, sizeof seed);
    std::memcpy(input.data(), &counter, sizeof counter);
    crypto_shorthash(output.data(), input.data(), input.size(), key.data());
    std::uint32_t id;
    std::memcpy(&id, output.data(), sizeof id);
    return id;
}

}  // namespace

UdxContext::UdxContext(Executor executor, Clock& clock, std::uint64_t seed)
    : executor_(executor),
      clock_(clock),
      seed_(seed),
      linger_alarm_(clock.alarm(executor, [this] { repeat_last_words(); })),
      self_(std::make_shared<UdxContext*>(this)) {}

UdxContext::~UdxContext() {
    assert(streams_.empty() && relayed_.empty());
    *self_ = nullptr;
}

std::uint32_t UdxContext::free_id() {
    for (;;) {
        const std::uint32_t id = draw(seed_, drawn_++);
        if (!linger_.holds(id) && !streams_.contains(id) && !relayed_.contains(id)) return id;
    }
}

std::uint32_t UdxContext::add(UdxStream& stream) {
    const std::uint32_t id = free_id();
    streams_.emplace(id, &stream);
    return id;
}

std::uint32_t UdxContext::add(UdxRelay& relay, std::size_t end) {
    const std::uint32_t id = free_id();
    relayed_.emplace(id, std::pair(&relay, end));
    return id;
}

proto::udx::ChallengeKey UdxContext::challenge_key() {
    proto::udx::ChallengeKey key;
    for (std::size_t i = 0; i < key.size(); i += sizeof(std::uint32_t)) {
        const std::uint32_t word = draw(seed_, drawn_++);
        std::memcpy(&key[i], &word, sizeof word);
    }
    return key;
}

void UdxContext::remove(UdxStream& stream) {
    streams_.erase(stream.id());
    std::erase(touched_, &stream);
}

void UdxContext::linger(std::uint32_t id, const UdxLinger::Entry& entry) {
    linger_.add(clock_.now(), id, entry);
    if (const auto deadline = linger_.deadline()) linger_alarm_->set(*deadline);
}

void UdxContext::repeat_last_words() {
    linger_.repeat(clock_.now());
    if (const auto deadline = linger_.deadline()) linger_alarm_->set(*deadline);
}

Clock::Time UdxContext::now() {
    if (!now_) now_ = clock_.now();
    return *now_;
}

bool UdxContext::receive(Datagrams& socket, const Datagram& datagram) {
    const auto packet = proto::udx::parse_packet(datagram.bytes);
    if (!packet) return false;
    const auto found = streams_.find(packet->header.receiver_id);
    if (found != streams_.end()) {
        found->second->receive(UdxPath{&socket, datagram.from}, *packet);
        return true;
    }
    if (const auto at = relayed_.find(packet->header.receiver_id); at != relayed_.end()) {
        const auto [relay, end] = at->second;
        relay->receive(end, socket, datagram, packet->header.flags);
        return true;
    }
    return linger_.answer(now(), packet->header);
}

void UdxContext::touch(UdxStream& stream) {
    if (stream.touched_) return;
    stream.touched_ = true;
    touched_.push_back(&stream);
}

void UdxContext::flush_soon(UdxStream& stream) {
    touch(stream);
    if (flush_posted_) return;
    flush_posted_ = true;
    asio::post(executor_, [self = self_] {
        if (!*self) return;
        (*self)->flush_posted_ = false;
        (*self)->flush();
    });
}

void UdxContext::flush() {
    now_.reset();
    while (!touched_.empty()) {
        UdxStream& stream = *touched_.back();
        touched_.pop_back();
        stream.touched_ = false;
        stream.pump();
    }
    now_.reset();
}

void UdxContext::forget(Datagrams& socket) {
    std::vector<UdxStream*> all;
    for (const auto& [id, stream] : streams_) all.push_back(stream);
    for (UdxStream* stream : all) stream->forget(socket);
    for (const auto& [id, relayed] : relayed_) relayed.first->forget(socket);
    linger_.forget(socket);
}

}  // namespace kp2p
