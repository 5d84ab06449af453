#include "node/store/catalog/quota.hpp"

#include <algorithm>

#include "node/store/catalog/catalog.hpp"
#include "node/store/file.hpp"
#include "node/store/sweep.hpp"
#include "proto/byte_size.hpp"

namespace kp2p {
namespace {

constexpr std::chrono::seconds count_lifetime{60};

}  // namespace

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
    const bool fresh = counted_ && disk().now() - *counted_ < count_lifetime;
    used_bytes_ += added_bytes;
    if (fresh && used_bytes_ <= *most_bytes_) return;
    used_bytes_ = used_bytes(layout, Sha1());
    counted_ = disk().now();
    if (used_bytes_ <= *most_bytes_) return;
    const Removed removed = Catalog(layout).make_room(used_bytes_ - *most_bytes_);
    used_bytes_ -= std::min(used_bytes_, removed.bytes);
}

Result<void> Quota::admit(const Layout& layout, const Sha1& sha1, std::uint64_t size_bytes) {
    const std::lock_guard lock(mutex_);
    if (!most_bytes_) return ok;
    const std::uint64_t most = *most_bytes_;
    const auto fits = [&] { return size_bytes <= most && used_bytes_ <= most - size_bytes; };
    const auto count = [&] {
        used_bytes_ = used_bytes(layout, sha1);
        counted_ = disk().now();
    };
    const bool fresh = counted_ && disk().now() - *counted_ < count_lifetime;
    if (!fresh || !fits()) count();
    std::uint64_t cache_bytes = 0;  // that gives way, but not for nothing
    if (!fits() && size_bytes <= most) {
        const Catalog catalog(layout);
        cache_bytes = catalog.collect(0, Catalog::Mode::dry_run).bytes;
        const auto could = [&] { return used_bytes_ <= cache_bytes + (most - size_bytes); };
        while (!could() && kp2p::make_room(layout)) count();
        const std::uint64_t wanted_bytes = could() ? most - size_bytes : most;
        if (used_bytes_ > wanted_bytes) {
            const Removed removed = catalog.make_room(used_bytes_ - wanted_bytes);
            cache_bytes -= std::min(cache_bytes, removed.bytes);
            count();
        }
        while (!fits() && could() && kp2p::make_room(layout)) count();
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
