#include "node/store/verdicts.hpp"

namespace kp2p {

void Verdicts::keep(const Sha1& sha1, const FileStamp& stamp, Verdict verdict) {
    const std::lock_guard lock(mutex_);
    const Key key{sha1, stamp.inode};
    if (kept_.insert_or_assign(key, Kept{stamp, verdict}).second) order_.push_back(key);
    if (order_.size() <= max_kept) return;
    kept_.erase(order_.front());
    order_.pop_front();
}

std::optional<Verdict> Verdicts::of(const Sha1& sha1, const FileStamp& stamp) const {
    const std::lock_guard lock(mutex_);
    const auto found = kept_.find({sha1, stamp.inode});
    if (found == kept_.end() || found->second.stamp != stamp) return std::nullopt;
    return found->second.verdict;
}

void Verdicts::forget(const Sha1& sha1, Verdict verdict) {
    const std::lock_guard lock(mutex_);
    const auto last = kept_.upper_bound({sha1, UINT64_MAX});
    for (auto each = kept_.lower_bound({sha1, 0}); each != last; ++each)
        if (each->second.verdict == verdict) each->second.stamp = FileStamp();
}

}  // namespace kp2p
