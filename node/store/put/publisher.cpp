#include "node/store/put/publisher.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <cstdio>

#include "node/store/directories.hpp"

namespace kp2p {
namespace {

// At a time; where a process may have few descriptors, most are for others.
std::size_t most_pending() {
    constexpr rlim_t most = 128, share = 4;
    rlimit limit;
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return most;
    return std::min(most, limit.rlim_cur / share);
}

}  // namespace

Publisher::Publisher(const Layout& layout, DirectoryMaker& maker)
    : layout_(layout), maker_(maker), max_pending_(most_pending()) {}

Result<void> Publisher::begin() {
    if (contents_) return ok;
    if (auto made = maker_.make(layout_.contents()); !made) return made.error();
    auto contents = File::open(layout_.contents(), File::Mode::read);
    if (!contents) return contents.error();
    contents_ = *std::move(contents);
    return ok;
}

Result<void> Publisher::add(TempFile file, const Sha1& sha1, Published published) {
    return add(Pending{std::move(file), sha1, Kind::content, std::move(published)});
}

Result<void> Publisher::add_link(TempFile file, const Sha1& sha1) {
    return add(Pending{std::move(file), sha1, Kind::link, Published()});
}

Result<void> Publisher::add(Pending pending) {
    if (failure_) return failure_;
    pending_.push_back(std::move(pending));
    if (pending_.size() < max_pending_) return ok;
    return finish();
}

Result<void> Publisher::finish() {
    if (failure_) return failure_;
    auto published = publish();
    pending_.clear();
    if (!published) failure_ = published.error();
    return published;
}

Result<void> Publisher::publish() {
    constexpr std::size_t few = 2;  // where flushing each costs no more than flushing everything
    bool each = pending_.size() <= few;
    if (!each) {
        auto flushed = contents_->flush_file_system();
        each = !flushed && flushed.error() == std::errc::function_not_supported;
        if (!flushed && !each) return flushed;
    }
    if (each)
        for (const Pending& one : pending_)
            if (auto flushed = one.file.file().flush(); !flushed) return flushed;
    for (std::size_t i = 0; i < pending_.size(); ++i)
        if (auto named = name(pending_[i], each); !named) return fail(named.error(), i);
    if (auto flushed = flush_names(each); !flushed) return fail(flushed.error(), pending_.size());
    return ok;
}

Result<void> Publisher::name(Pending& pending, bool each) {
    if (pending.kind == Kind::link) {
        const std::filesystem::path path = layout_.link(pending.sha1);
        if (auto made = maker_.make(path.parent_path()); !made) return made.error();
        return pending.file.publish(path, TempFile::Durability::none);
    }
    const Content content{pending.file.path(), pending.file.file(), pending.sha1,
                          each ? Content::There::flush : Content::There::leave};
    auto placed = place_content(layout_, content, maker_);
    if (!placed) return placed.error();
    pending.placed = *placed;
    if (!placed->anew || placed->elsewhere) return ok;
    pending.file.renamed();
    if (pending.published) pending.published(pending.file.file());
    return ok;
}

Result<void> Publisher::flush_names(bool each) {
    if (!each) {
        if (auto flushed = contents_->flush_file_system(); !flushed) return flushed;
        return flush_directories(layout_, layout_.contents());
    }
    for (const Pending& one : pending_) {
        auto flushed = flush_directories(layout_, layout_.content(one.sha1).parent_path());
        if (!flushed) return flushed;
    }
    return ok;
}

Result<void> Publisher::fail(std::error_code error, std::size_t named) {
    for (std::size_t i = 0; i < named; ++i) {
        const Pending& one = pending_[i];
        if (one.kind == Kind::content) displace_content(layout_, one.sha1, one.placed);
        if (one.kind == Kind::link) disk().unlink(layout_.link(one.sha1));
    }
    return error;
}

}  // namespace kp2p
