// StorageMounts: on which file system each storage was when it was last used, so that one that was
// unmounted since is not taken for an empty one, and nothing is written beneath it. A file in the
// configuration directory:
//   storage-mounts   the path of a storage and that of what it is mounted at, each ended by a zero
//                    byte; the newest ones, of no more than max_storages. Nothing of those on /.
// What cannot be read or written there is not remembered. Blocking, as file systems are.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace kp2p {

class StorageMounts {
  public:
    explicit StorageMounts(std::filesystem::path config_dir);

    // Words on `storage`, where an empty directory has come to be in its place.
    std::optional<std::string> why_away(const std::filesystem::path& storage) const;
    void remember(const std::filesystem::path& storage);

    static constexpr std::size_t max_storages = 64;

  private:
    struct Known {
        std::string storage, mount;
    };
    void write() const;

    std::filesystem::path config_dir_;
    std::vector<Known> known_;  // the newest last
};

}  // namespace kp2p
