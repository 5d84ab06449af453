// Layout: where in the storage directory each thing lies.
//   sha1/aa/bb/cc/HASH        a file's content (aa, bb, cc: the first three bytes of HASH, in hex)
//   sha1/aa/bb/cc/HASH.link   JSON that says where a linked file is (link_file.hpp)
//   sha1/NAME.kp2p-temp       a file being stored
//   kp2p/links/aa/HASH        SHA-1 links of a stored or linked file (links_cache.hpp)
//   kp2p/links/NAME.kp2p-temp those being written
//   kp2p/partial/HASH.N.*     a download under way (partial.hpp)
// What is in sha1/ is shared with kachery (source: kachery 0.6 localhashcache.py, kachery_p2p 0.8
// _local_kachery_storage.py); what is in kp2p/ is ours alone.
#pragma once

#include <filesystem>
#include <string>

#include "proto/bytes.hpp"

namespace kp2p {

class Layout {
  public:
    explicit Layout(std::filesystem::path root) : root_(std::move(root)) {}

    const std::filesystem::path& root() const { return root_; }
    std::filesystem::path contents() const { return root_ / "sha1"; }
    std::filesystem::path content(const Sha1& sha1) const {
        const std::string hex = sha1.hex();
        return contents() / hex.substr(0, 2) / hex.substr(2, 2) / hex.substr(4, 2) / hex;
    }
    std::filesystem::path link(const Sha1& sha1) const { return content(sha1) += ".link"; }
    std::filesystem::path links_cache(const Sha1& sha1) const {
        const std::string hex = sha1.hex();
        return links() / hex.substr(0, 2) / hex;
    }
    std::filesystem::path links() const { return root_ / "kp2p" / "links"; }
    std::filesystem::path partials() const { return root_ / "kp2p" / "partial"; }

  private:
    std::filesystem::path root_;
};

}  // namespace kp2p
