#include "node/store/publisher.hpp"

namespace kp2p {

Result<void> Publisher::add(TempFile file, std::filesystem::path final_path) {
    pending_.push_back({std::move(file), std::move(final_path)});
    if (pending_.size() < max_pending) return ok;
    return finish();
}

Result<void> Publisher::finish() {
    constexpr std::size_t few = 2;  // where flushing each costs no more than flushing everything
    if (pending_.size() <= few) return publish_each();
    auto flushed = flush_file_system(root_);
    if (!flushed && flushed.error() == std::errc::function_not_supported) return publish_each();
    if (!flushed) return flushed.error();
    for (Pending& each : pending_) {
        auto done = each.file.publish(each.final_path, TempFile::Durability::none);
        if (!done) return done.error();
    }
    pending_.clear();
    return flush_file_system(root_);
}

Result<void> Publisher::publish_each() {
    for (Pending& each : pending_) {
        auto done = each.file.publish(each.final_path, TempFile::Durability::flush);
        if (!done) return done.error();
    }
    pending_.clear();
    return ok;
}

}  // namespace kp2p
