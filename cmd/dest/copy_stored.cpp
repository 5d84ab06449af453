#include "cmd/dest/copy_stored.hpp"

#include "node/store/put/hash_file.hpp"

namespace kp2p {

Result<bool> copy_stored(const StoredCopy& from, const File& to, const std::stop_token& stop) {
    const auto source = File::open(from.path, File::Mode::read);
    if (!source) return false;
    const auto stamp = source->stamp();
    if (!stamp) return false;
    bool copied = false;
    if (stamp->text() == from.stamp) {
        copied = bool(to.copy_from(*source, stop));
    } else {
        const Copy copy{to, from.path};
        const auto hashed = hash_file(*source, &copy, ManifestWish::none, stop);
        copied = hashed && hashed->sha1 == from.sha1;
    }
    if (copied) return true;
    if (stop.stop_requested()) return Errc::canceled;
    if (auto emptied = to.resize(0); !emptied) return emptied.error();
    return false;
}

}  // namespace kp2p
