#include "node/settings/storage_mounts.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

#include "node/settings/config_trouble.hpp"

namespace kp2p {
namespace fs = std::filesystem;

namespace {

constexpr const char* file_name = "storage-mounts";

// The highest directory above it that is on its file system.
fs::path mount_of(fs::path directory) {
    struct stat status, above;
    if (::stat(directory.c_str(), &status) != 0) return {};
    for (; directory.has_relative_path(); directory = directory.parent_path())
        if (::stat(directory.parent_path().c_str(), &above) != 0 || above.st_dev != status.st_dev)
            break;
    return directory;
}

// Without links, which may lead to another file system.
fs::path real(const fs::path& storage) {
    std::error_code error;
    return fs::canonical(storage, error);
}

bool has_something(const fs::path& storage) {
    std::error_code error;
    for (const char* part : {"sha1", "kp2p"})  // of node/store/layout.hpp
        if (fs::symlink_status(storage / part, error).type() != fs::file_type::not_found)
            return true;
    return false;
}

}  // namespace

StorageMounts::StorageMounts(fs::path config_dir) : config_dir_(std::move(config_dir)) {
    if (config_dir_.empty()) return;
    std::ifstream file(config_dir_ / file_name, std::ios::binary);
    Known known;
    while (known_.size() < max_storages && std::getline(file, known.storage, '\0') &&
           std::getline(file, known.mount, '\0'))
        known_.push_back(known);
}

std::optional<std::string> StorageMounts::why_away(const fs::path& storage) const {
    const fs::path path = real(storage);
    const auto known = std::ranges::find(known_, path.native(), &Known::storage);
    if (known == known_.end() || has_something(path) || known->mount == mount_of(path))
        return std::nullopt;
    return "it is empty, and not where it was last used, which was mounted at " + known->mount +
           "; mount that again, or, to begin anew here, mkdir " + (storage / "sha1").string();
}

void StorageMounts::remember(const fs::path& storage) {
    const fs::path path = real(storage), mount = mount_of(path);
    const auto known = std::ranges::find(known_, path.native(), &Known::storage);
    const bool is_root = !mount.has_relative_path();
    if (config_dir_.empty() || (known == known_.end() ? is_root : known->mount == mount)) return;
    if (known != known_.end()) known_.erase(known);
    if (!is_root) known_.push_back({path.native(), mount.native()});
    if (known_.size() > max_storages) known_.erase(known_.begin());
    write();
}

void StorageMounts::write() const {
    (void)make_private_directory(config_dir_);
    std::string text;
    for (const Known& known : known_) (text += known.storage + '\0') += known.mount + '\0';
    const fs::path path = config_dir_ / file_name;
    const fs::path temp = path.native() + '.' + std::to_string(::getpid());
    std::error_code error;
    fs::remove(temp, error);  // of one that was killed
    const int fd = ::open(temp.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (fd < 0) return;
    const bool written = ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
    give_to_owner_of(config_dir_, fd);
    ::close(fd);
    if (written) fs::rename(temp, path, error);
    if (!written || error) fs::remove(temp, error);
}

}  // namespace kp2p
