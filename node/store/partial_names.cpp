#include "node/store/partial_names.hpp"

#include <cerrno>
#include <string_view>

#include "node/store/file.hpp"

namespace kp2p {
namespace {

// A directory that changes twice within a tick of the clock may look as if it had changed once.
constexpr std::chrono::seconds settled{1};

}  // namespace

bool PartialNames::is_fresh(std::chrono::system_clock::time_point now) const {
    return changed_ns_ != 0 && now >= looked_ && now - looked_ < fresh_span;
}

bool PartialNames::may_have(const Layout& layout, const Sha1& file) {
    const auto now = disk().now();
    const std::filesystem::path directory = layout.partials();
    struct stat status;
    if (disk().link_status(directory, status) != 0) {
        if (errno != ENOENT && errno != ENOTDIR) return true;
        const std::lock_guard lock(mutex_);
        files_.clear();
        changed_ns_ = -1;  // no directory's
        looked_ = now;
        return false;
    }
    const std::int64_t changed_ns = platform::modified_ns(status);
    {
        const std::lock_guard lock(mutex_);
        if (changed_ns == changed_ns_) {
            looked_ = now;
            return files_.contains(file);
        }
        changed_ns_ = 0;
    }
    if (age_of(status) < settled) return true;
    std::set<Sha1> files;
    for (const std::string& name : disk().names(directory))
        if (const auto sha1 = Sha1::from_hex(std::string_view(name).substr(0, name.find('.'))))
            files.insert(*sha1);
    const std::lock_guard lock(mutex_);
    changed_ns_ = changed_ns;
    looked_ = now;
    files_ = std::move(files);
    return files_.contains(file);
}

bool PartialNames::may_have(const Sha1& file) const {
    const std::lock_guard lock(mutex_);
    return !is_fresh(disk().now()) || files_.contains(file);
}

void PartialNames::began(const Sha1& file) {
    const std::lock_guard lock(mutex_);
    files_.insert(file);
}

}  // namespace kp2p
