#include "node/settings/config_trouble.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace kp2p {
namespace fs = std::filesystem;

namespace {

// As the end of a sentence, if that may be why it is not permitted.
std::string whose(const fs::path& path, std::error_code error) {
    struct stat status;
    if (error != std::errc::permission_denied || ::stat(path.c_str(), &status) != 0 ||
        status.st_uid == ::geteuid())
        return {};
    return ", it is of user " + std::to_string(status.st_uid);
}

}  // namespace

Result<void> make_private_directory(const fs::path& dir) {
    if (::mkdir(dir.c_str(), S_IRWXU) != 0) return std::error_code(errno, std::generic_category());
    const int made = ::open(dir.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (made < 0) return ok;
    give_to_owner_of(dir.parent_path(), made);
    ::close(made);
    return ok;
}

void give_to_owner_of(const fs::path& directory, int made) {
    struct stat above, status;
    if (::geteuid() != 0 || ::fstat(made, &status) != 0 || status.st_uid != 0) return;
    // What has another name as well was not made here.
    if (!S_ISDIR(status.st_mode) && status.st_nlink > 1) return;
    const char* const where = directory.empty() ? "." : directory.c_str();
    if (::stat(where, &above) == 0 && above.st_uid != 0)
        (void)!::fchown(made, above.st_uid, above.st_gid);
}

Result<void> make_config_dir(const fs::path& dir, MakeDirectory make) {
    const fs::path above = dir.parent_path();
    if (!dir.has_filename() && dir != above) return make_config_dir(above, make);  // "name/"
    auto made = make(dir);
    if (!made && made.error() == std::errc::file_exists) return ok;
    const bool needs_above = !made && made.error() == std::errc::no_such_file_or_directory;
    if (!needs_above || above.empty() || dir.filename() == usual_config_dir_name) return made;
    if (auto first = make_config_dir(above, make); !first) return first.error();
    return make(dir);
}

std::string config_trouble(const fs::path& file, std::error_code error) {
    const fs::path dir = file.parent_path();
    std::error_code ignored;
    const bool is_of_file =
        ::access(dir.c_str(), W_OK | X_OK) == 0 && fs::exists(fs::symlink_status(file, ignored));
    if (is_of_file) return file.string() + ": " + error.message() + whose(file, error);
    const bool there = fs::exists(fs::symlink_status(dir, ignored));
    const std::string words = "the configuration directory " + dir.string() +
                              (there ? " cannot be used: " : " cannot be made: ") + error.message();
    return words + whose(dir, error) + "; KACHERY_P2P_CONFIG_DIR names another place";
}

std::string own_host() {
    std::array<char, 256> name{};
    return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "";
}

std::string other_host_of_daemon(const fs::path& dir) {
    std::array<char, 256> name{};
    const int lock = ::open((dir / "lock").c_str(), O_RDONLY | O_CLOEXEC);
    if (lock < 0) return {};
    const ssize_t size = ::read(lock, name.data(), name.size());
    ::close(lock);
    const std::string host(name.data(), size > 0 ? static_cast<std::size_t>(size) : 0);
    return host == own_host() ? std::string() : host;
}

bool may_still_run(const fs::path& dir) {
    std::error_code none;
    return fs::exists(dir / "api-port", none);
}

}  // namespace kp2p
