#include "node/store/catalog/quota.hpp"

#include <algorithm>

#include "node/store/catalog/catalog.hpp"
#include "node/store/file.hpp"
#include "node/store/sweep.hpp"
#include "proto/byte_size.hpp"

namespace kp2p {
namespace {

constexpr std::chrono::seconds least_lifetime{60};  // of a count
constexpr int walks_share = 100;                    // one part in so many of the time goes to walks

}  // namespace

void Quota::count(const Layout& layout, const Sha1& except) {
    const auto began = disk().now();
    used_bytes_ = used_bytes(layout, except);
    counted_ = disk().now();
    took_ = *counted_ - began;
}

bool Quota::is_fresh() const {
    if (!counted_) return false;
    const auto age = disk().now() - *counted_, none = age.zero();
    return age >= none && (age < least_lifetime || age < took_ * walks_share);
}

void Quota::limit(std::optional<std::uint64_t> most_bytes) {
    const std::lock_guard lock(mutex_);
    if (most_bytes_ != most_bytes) counted_.reset();  // nobody counted where there was none
    most_bytes_ = most_bytes;
}

bool Quota::is_limited() const {
    const std::lock_guard lock(mutex_);
    return most_bytes_.has_value();
}

void Quota::keep(const Layout& layout, std::uint64_t added_bytes) {
    const std::lock_guard lock(mutex_);
    if (!most_bytes_) return;
    used_bytes_ += added_bytes;
    if (is_fresh() && used_bytes_ <= *most_bytes_) return;
    count(layout, Sha1());
    if (used_bytes_ <= *most_bytes_) return;
    const Removed removed = Catalog(layout).make_room(used_bytes_ - *most_bytes_);
    used_bytes_ -= std::min(used_bytes_, removed.bytes);
}

Result<void> Quota::admit(const Layout& layout, const Sha1& sha1, std::uint64_t size_bytes) {
    const std::lock_guard lock(mutex_);
    if (!most_bytes_) return ok;
    const std::uint64_t most = *most_bytes_;
    const auto fits = [&] { return size_bytes <= most && used_bytes_ <= most - size_bytes; };
    if (!is_fresh() || !fits()) count(layout, sha1);
    std::uint64_t cache_bytes = 0;  // that gives way, but not for nothing
    if (!fits() && size_bytes <= most) {
        const Catalog catalog(layout);
        cache_bytes = catalog.collect(0, Catalog::Mode::dry_run).bytes;
        const auto could = [&] { return used_bytes_ <= cache_bytes + (most - size_bytes); };
        while (!could() && kp2p::make_room(layout)) count(layout, sha1);
        const std::uint64_t wanted_bytes = could() ? most - size_bytes : most;
        if (used_bytes_ > wanted_bytes) {
            const Removed removed = catalog.make_room(used_bytes_ - wanted_bytes);
            cache_bytes -= std::min(cache_bytes, removed.bytes);
            count(layout, sha1);
        }
        while (!fits() && could() && kp2p::make_room(layout)) count(layout, sha1);
    }
    if (fits()) {
        used_bytes_ += size_bytes;
        return ok;
    }
    note_storage_trouble("the quota of " + proto::size_words(most) + " has no room for " +
                         proto::size_words(size_bytes) + ": " +
                         proto::size_words(used_bytes_ - std::min(used_bytes_, cache_bytes)) +
                         " of files that are stored, pinned or being loaded are in " +
                         layout.root().string());
    return Errc::over_quota;
}

}  // namespace kp2p
