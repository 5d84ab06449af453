#include "proto/dht/node/nat_classifier.hpp"

#include <algorithm>

namespace kp2p::proto::dht {
namespace {

constexpr std::size_t min_samples = 3, wanted_samples = 4;

template <class Counted>
void count(std::vector<Counted>& counts, const Endpoint& address) {
    auto found = std::find_if(counts.begin(), counts.end(),
                              [&](const Counted& c) { return c.address == address; });
    if (found == counts.end()) {
        counts.push_back({address, 1});
        return;
    }
    ++found->hits;
    for (; found != counts.begin() && std::prev(found)->hits < found->hits; --found)
        std::iter_swap(found, std::prev(found));
}

}  // namespace

void NatClassifier::add(const Sample& sample) {
    if (sampled_ >= max_samples || !referrers_.insert(sample.referrer).second) return;
    ++sampled_;
    count(seen_, sample.seen);
    count(hosts_, Endpoint{sample.seen.host, 0});
    if (frozen_ || reach_ == Reach::open) return;
    if (sampled_ >= min_samples) classify();
    if (exhausted_) guess();
}

bool NatClassifier::decided() const {
    return firewall_ == Firewall::open || firewall_ == Firewall::consistent ||
           sampled_ >= wanted_samples || exhausted_;
}

void NatClassifier::classify() {
    const std::size_t best = seen_[0].hits;
    if (best >= 3)
        firewall_ = Firewall::consistent;
    else if (best == 1)
        firewall_ = Firewall::random;
    else if (hosts_.size() == 1 && sampled_ > 3)
        firewall_ = Firewall::random;
    else if (hosts_.size() > 1 && seen_.size() > 1 && seen_[1].hits > 1)
        firewall_ = Firewall::consistent;
    else if (sampled_ > 4)
        firewall_ = Firewall::random;
    else
        firewall_ = Firewall::unknown;
    note_addresses();
}

void NatClassifier::exhaust() {
    exhausted_ = true;
    if (!frozen_) guess();
}

void NatClassifier::guess() {
    const bool known = firewall_ != Firewall::unknown && sampled_ >= min_samples;
    if (known || sampled_ == 0) return;
    firewall_ = 2 * seen_[0].hits > sampled_ ? Firewall::consistent : Firewall::random;
    note_addresses();
}

void NatClassifier::note_addresses() {
    if (firewall_ == Firewall::unknown)
        addresses_.reset();
    else if (firewall_ == Firewall::random)
        addresses_ = {hosts_[0].address};
    else
        addresses_ = reachable();
}

std::vector<Endpoint> NatClassifier::reachable() const {
    std::vector<Endpoint> addresses;
    for (const Counted& seen : seen_)
        if (seen.hits > 1 || addresses.size() < 2) addresses.push_back(seen.address);
    return addresses;
}

}  // namespace kp2p::proto::dht
