#include "node/settings/config_trouble.hpp"

#include <sys/stat.h>
#include <unistd.h>

namespace kp2p {
namespace fs = std::filesystem;

bool may_make_above(const fs::path& config_dir) {
    return config_dir.filename() != usual_config_dir_name;
}

std::string config_trouble(const fs::path& file, std::error_code error) {
    const fs::path dir = file.parent_path();
    std::error_code ignored;
    const bool is_of_file =
        ::access(dir.c_str(), W_OK | X_OK) == 0 && fs::exists(fs::symlink_status(file, ignored));
    if (is_of_file) return file.string() + ": " + error.message();
    const bool there = fs::exists(fs::symlink_status(dir, ignored));
    std::string words = "the configuration directory " + dir.string() +
                        (there ? " cannot be used: " : " cannot be made: ") + error.message();
    struct stat status;
    if (error == std::errc::permission_denied && ::stat(dir.c_str(), &status) == 0 &&
        status.st_uid != ::geteuid())
        words += ", it is of user " + std::to_string(status.st_uid);
    return words + "; KACHERY_P2P_CONFIG_DIR names another place";
}

}  // namespace kp2p
