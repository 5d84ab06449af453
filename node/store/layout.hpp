// Layout: where in the storage directory each thing lies.
//   sha1/aa/bb/cc/HASH        a file's content (aa, bb, cc: the first three bytes of HASH, in hex)
//   sha1/aa/bb/cc/HASH.link   JSON that says where a linked file is (link_file.hpp)
//   sha1/NAME.kp2p-temp       a file being stored (temp_file.hpp has NAME)
//   kp2p/links/aa/HASH        SHA-1 links of a stored or linked file (links_cache.hpp)
//   kp2p/links/NAME.kp2p-temp those being written
//   kp2p/partial/HASH.N.*     a download under way (partial.hpp)
//   kp2p/damaged/HASH.NAME    what was found in HASH's place and is not HASH (set_aside.hpp)
//   kp2p/names/aa/HASH/NAME   a content once more, under a name that programs can tell a kind by
//   kp2p/loaded/aa/HASH       marks what was loaded and can be loaded again (catalog/marks.hpp)
//   kp2p/records/aa/HASH      how it came in (catalog/records.hpp)
//   kp2p/pins/aa/HASH         the same of what is to stay, whatever marks it
//   kp2p/removed/aa/HASH      the same of a file that was removed out of what has a record
// What is in sha1/ is shared with kachery (source: kachery 0.6 localhashcache.py, kachery_p2p 0.8
// _local_kachery_storage.py); what is in kp2p/ is ours alone. Parts of sha1/ may be symbolic links
// or other file systems; in kp2p/ a link is refused, as another user's trap, unless it is the NAME
// of just this content.
//
// Rights: what is made in a directory is as open as the directory, less the umask, and a content is
// readable to nobody who could not read the file that was stored. In a directory that its group or
// all may write to, a storage that several share, the umask does not count: directories take its
// mode, set-group-id included, and the group may read and write all files. A content has one set of
// bytes for ever, and nobody may write to it, not its owner either: who opens it to change it, as
// an array that is mapped, is refused by the system. Removing it takes its directory alone. What
// root makes in another user's storage is that user's. The storage directory itself is never made
// here: a default one is made for its owner alone (node/client/config.cpp).
#pragma once

#include <filesystem>
#include <string>

#include "node/store/disk/disk.hpp"
#include "proto/bytes.hpp"

namespace kp2p {

class Layout {
  public:
    explicit Layout(std::filesystem::path root) : root_(std::move(root)), id_(id_of(root_)) {}

    const std::filesystem::path& root() const { return root_; }
    // Whether the storage directory is the one that it was when this was made: unmounted, another
    // one has its name. Some FUSE file systems number it anew each time, which tells nothing.
    bool is_still_there() const {
        const Id now = id_of(root_);
        return now == id_ || (now.device == id_.device && now != id_of(root_));
    }
    std::filesystem::path contents() const { return root_ / "sha1"; }
    std::filesystem::path content(const Sha1& sha1) const {
        const std::string hex = sha1.hex();
        std::string path = contents().native();
        for (std::size_t at = 0; at < 6; at += 2) path.append(1, '/').append(hex, at, 2);
        return std::filesystem::path(path += '/' + hex);
    }
    std::filesystem::path link(const Sha1& sha1) const { return content(sha1) += ".link"; }
    std::filesystem::path links_cache(const Sha1& sha1) const { return in(links(), sha1); }
    std::filesystem::path names(const Sha1& sha1) const { return in(ours() / "names", sha1); }
    std::filesystem::path loaded() const { return ours() / "loaded"; }
    std::filesystem::path loaded(const Sha1& sha1) const { return in(loaded(), sha1); }
    std::filesystem::path records() const { return ours() / "records"; }
    std::filesystem::path record(const Sha1& sha1) const { return in(records(), sha1); }
    std::filesystem::path pins() const { return ours() / "pins"; }
    std::filesystem::path pin(const Sha1& sha1) const { return in(pins(), sha1); }
    std::filesystem::path removed(const Sha1& sha1) const { return in(ours() / "removed", sha1); }
    std::filesystem::path ours() const { return root_ / "kp2p"; }
    std::filesystem::path links() const { return ours() / "links"; }
    std::filesystem::path partials() const { return ours() / "partial"; }
    std::filesystem::path damaged() const { return ours() / "damaged"; }

  private:
    static std::filesystem::path in(const std::filesystem::path& directory, const Sha1& sha1) {
        const std::string hex = sha1.hex();
        return std::filesystem::path(directory.native() + '/' + hex.substr(0, 2) + '/' + hex);
    }
    struct Id {
        dev_t device = 0;
        ino_t inode = 0;
        friend bool operator==(const Id&, const Id&) = default;
    };
    static Id id_of(const std::filesystem::path& directory) {
        struct stat status;
        if (disk().status(directory, status) != 0) return {};
        return {status.st_dev, status.st_ino};
    }

    std::filesystem::path root_;
    Id id_;
};

}  // namespace kp2p
