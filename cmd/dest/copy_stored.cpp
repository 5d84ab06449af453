#include "cmd/dest/copy_stored.hpp"

#include "node/store/put/hash_file.hpp"

namespace kp2p {
namespace {

// What is read at once, so that nothing is written before it is known to be right.
constexpr std::uint64_t small_bytes = std::uint64_t{1} << 20;

struct Small {
    const File& source;
    const File& to;
    std::uint64_t size_bytes;
};

bool copy_small(const Small& copy, const Sha1& sha1) {
    ByteVector bytes(static_cast<std::size_t>(copy.size_bytes));
    const auto size = copy.source.read_at(0, bytes);
    if (!size || *size != bytes.size()) return false;
    const auto hashed = proto::sha1_to_name(bytes);
    if (!hashed || *hashed != sha1) return false;
    if (bytes.empty()) return true;
    const bool may_end_in_hole = bytes.back() == 0;
    return copy.to.write_sparse_at(0, bytes) &&
           (!may_end_in_hole || copy.to.resize(copy.size_bytes));
}

}  // namespace

Result<bool> copy_stored(const StoredCopy& from, const File& to, const std::stop_token& stop,
                         const std::function<void()>& moved) {
    const auto source = File::open(from.path, File::Mode::read);
    if (!source) return false;
    const auto stamp = source->stamp();
    if (!stamp) return false;
    bool copied = false;
    if (stamp->text() == from.stamp) {
        copied = bool(to.copy_from(*source, stop, moved));
    } else if (stamp->size_bytes <= small_bytes && !stop.stop_requested()) {
        copied = copy_small({*source, to, stamp->size_bytes}, from.sha1);
    } else {
        const Copy copy{to, from.path};
        const auto step = [&moved](std::size_t) {
            if (moved) moved();
        };
        const auto hashed = hash_file(*source, &copy, ManifestWish::none, stop, step);
        copied = hashed && hashed->sha1 == from.sha1;
    }
    if (copied) return true;
    if (stop.stop_requested()) return Errc::canceled;
    if (auto emptied = to.resize(0); !emptied) return emptied.error();
    return false;
}

}  // namespace kp2p
