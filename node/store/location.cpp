#include "node/store/location.hpp"

#include <pwd.h>
#include <unistd.h>

#include <cstdlib>

#include "node/store/file.hpp"

namespace kp2p {
namespace fs = std::filesystem;

namespace {

fs::path home_directory() {
    if (const char* home = std::getenv("HOME"); home && *home) return home;
    const passwd* user = getpwuid(getuid());
    return user ? user->pw_dir : "";
}

Result<fs::path> existing(const fs::path& path, const std::string& origin, std::string& complaint) {
    std::error_code error;
    if (fs::is_directory(path, error)) return path;
    complaint = "the storage directory " + path.native() + " (" + origin + ") " +
                (fs::exists(path, error) ? "is not a directory" : "does not exist");
    return Errc::storage_unavailable;
}

}  // namespace

Result<fs::path> locate_storage(const std::optional<fs::path>& flag, std::string& complaint) {
    if (flag) return existing(*flag, "--storage-dir", complaint);
    const char* const variable = std::getenv("KACHERY_STORAGE_DIR");
    if (variable && *variable) return existing(variable, "KACHERY_STORAGE_DIR", complaint);
    const fs::path home = home_directory();
    if (home.empty()) {
        complaint = "there is no home directory; set KACHERY_STORAGE_DIR";
        return Errc::storage_unavailable;
    }
    const fs::path path = home / "kachery-storage";
    if (auto made = make_directories(path); !made) {
        complaint = "cannot make " + path.native() + ": " + made.error().message();
        return Errc::storage_unavailable;
    }
    return existing(path, "the default", complaint);
}

}  // namespace kp2p
