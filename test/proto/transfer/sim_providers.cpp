#include "test/proto/transfer/sim_providers.hpp"

#include <sodium.h>

#include <algorithm>
#include <cstring>

namespace kp2p::test {

using namespace proto;

SimFile::SimFile(std::uint64_t size_bytes, std::uint32_t seed) : bytes(size_bytes) {
    std::uint8_t seed_bytes[randombytes_SEEDBYTES] = {};
    std::memcpy(seed_bytes, &seed, sizeof seed);
    randombytes_buf_deterministic(bytes.data(), bytes.size(), seed_bytes);
    LinkHasher hasher;
    hasher.update(bytes);
    sha1 = hasher.finish();
    links = hasher.links();
}

ByteView SimFile::chunk(std::uint64_t index) const {
    const ByteView all = bytes;
    return all.subspan(index * chunk_bytes,
                       std::min<std::size_t>(chunk_bytes, all.size() - index * chunk_bytes));
}

Offer SimProviders::offer(SourceKey key) const {
    const SimProvider& provider = row(key);
    Offer offer{file_.bytes.size(), provider.have};
    if (provider.lie == Lie::size) offer.size_bytes += chunk_bytes;
    if (provider.lie == Lie::size_less) offer.size_bytes -= 1;
    if (provider.lie == Lie::no_size) offer.size_bytes = 0;
    if (provider.lie == Lie::bad_have) offer.have = ByteVector(file_.links.size() + 9);
    offer.last_follows = provider.last_follows;
    return offer;
}

void SimProviders::at(double delay_s, std::function<void()> action) {
    const auto delay = std::chrono::duration<double>(delay_s);
    due_.push({now_ + std::chrono::ceil<Time::duration>(delay), order_++, std::move(action)});
}

bool SimProviders::step(std::optional<Time> deadline) {
    if (deadline && (due_.empty() || *deadline < due_.top().time)) {
        now_ = std::max(now_, *deadline);
        return false;
    }
    const Due next = due_.top();
    due_.pop();
    now_ = next.time;
    next.action();
    return true;
}

void SimProviders::ask(SourceKey key, ChunkIndex index) {
    ++asked;
    Sender& sender = senders_[key];
    sender.gets.push_back(index);
    std::size_t outstanding = 0;
    for (const auto& [other, s] : senders_) outstanding += s.gone ? 0 : s.gets.size();
    most_asked = std::max(most_asked, outstanding);
    if (!std::exchange(sender.busy, true)) at(0.001, [this, key] { send_block(key); });
}

void SimProviders::call_off(SourceKey key, ChunkIndex index) {
    at(0.001, [this, key, index] {
        Sender& sender = senders_[key];
        const auto found = std::find(sender.gets.begin(), sender.gets.end(), index);
        if (sender.gone || found == sender.gets.end()) return;
        if (row(key).lie == Lie::silence) return;
        if (found == sender.gets.begin()) sender.offset = 0;
        sender.gets.erase(found);
        sender.stopped.push_back(index);  // said after the block that is on its way
        if (!sender.busy) say_stopped(key);
    });
}

void SimProviders::say_stopped(SourceKey key) {
    Sender& sender = senders_[key];
    for (std::uint64_t index : std::exchange(sender.stopped, {}))
        if (!sender.gone) canceled(key, index);
}

void SimProviders::send_block(SourceKey key) {
    Sender& sender = senders_[key];
    const SimProvider& provider = row(key);
    sender.busy = !sender.gone && !sender.gets.empty();
    if (!sender.busy) return;
    const std::uint64_t index = sender.gets.front();
    const bool here = index == provider.at;
    if (seconds() >= provider.silent_s && seconds() < provider.back_s)
        return at(provider.back_s - seconds(), [this, key] { send_block(key); });
    if (provider.lie == Lie::silence) return;
    if (provider.lie == Lie::stall && index <= provider.at) return;
    const std::uint64_t size =
        chunk_size_bytes(file_.bytes.size() + (provider.lie == Lie::size ? chunk_bytes : 0) -
                             (provider.lie == Lie::size_less ? 1 : 0),
                         index);
    ByteVector bytes(std::min<std::uint64_t>(block_bytes, size - sender.offset));
    const ByteView all = file_.bytes;
    const std::uint64_t from = std::min(index * chunk_bytes + sender.offset, all.size());
    std::copy_n(all.data() + from, std::min(bytes.size(), all.size() - from), bytes.data());
    Data data{1, index, sender.offset, BlockEncoding::plain, {}, {}};
    if (index < file_.links.size()) data.link = file_.links[index];
    if (provider.lie == Lie::byte && here) bytes.back() ^= 1;
    if (provider.lie == Lie::link && here) data.link.data()[19] ^= 1;
    if (provider.lie == Lie::offset && here) data.offset += block_bytes;
    if (provider.lie == Lie::short_block) bytes.pop_back();
    if (provider.lie == Lie::frame) data.encoding = BlockEncoding::zstd;
    if (provider.lie == Lie::unasked) data.index += 1;
    sender.offset += std::min<std::uint64_t>(block_bytes, size - sender.offset);
    if (sender.offset == size) {
        sender.offset = 0;
        sender.gets.pop_front();
        ++given[key];
    }
    const double jitter = random(0.5, 1.5);
    at(jitter * static_cast<double>(bytes.size()) / provider.bytes_per_second,
       [this, key, data, bytes] {
           if (senders_[key].gone) return;
           deliver(key, data, bytes);
           say_stopped(key);
           send_block(key);
       });
}

void SimProviders::deliver(SourceKey key, Data data, ByteView bytes) {
    ByteVector payload(bytes.begin(), bytes.end());
    data.bytes = payload;
    receive(key, data, std::move(payload));
}

}  // namespace kp2p::test
