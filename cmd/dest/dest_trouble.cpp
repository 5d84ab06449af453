#include "cmd/dest/dest_trouble.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>

#include "node/store/directories.hpp"

namespace kp2p {
namespace fs = std::filesystem;
namespace {

std::string in_the_way(const fs::path& dest, std::error_code error) {
    std::error_code none;
    const fs::path place = dest.has_filename() ? dest : dest.parent_path();
    if (fs::is_symlink(place, none) && !fs::exists(place, none))
        return "it is a symbolic link that leads to " + fs::read_symlink(place, none).string();
    fs::path above;
    for (const fs::path& part : place.parent_path()) {
        above /= part;
        const fs::file_status status = fs::status(above, none);
        if (status.type() == fs::file_type::not_found)
            return "there is no directory " + above.string() + ", which mkdir makes";
        if (fs::exists(status) && !fs::is_directory(status))
            return above.string() + " is no directory";
    }
    if (error == std::errc::file_exists)
        return fs::is_directory(place, none)
                   ? "other files are in it; name a directory that is empty or not there"
                   : "it is no directory";
    const std::string directory = directory_of(place).string();
    if (error == std::errc::no_such_file_or_directory) return "no file can be made in " + directory;
    const bool closed =
        error == std::errc::permission_denied || error == std::errc::operation_not_permitted;
    if (closed && ::access(directory.c_str(), W_OK | X_OK) != 0)
        return "you may not write to " + directory;
    return {};
}

// That of one file over another, when all of it is written beside that.
bool is_of_renaming(std::error_code error) {
    constexpr std::array refusals = {
        std::errc::file_exists, std::errc::operation_not_permitted, std::errc::permission_denied,
        std::errc::device_or_resource_busy, std::errc::operation_not_supported};
    return std::ranges::any_of(refusals, [error](std::errc code) { return error == code; });
}

// Where other files can be made in the same directory.
bool is_of_name(std::error_code error) {
    constexpr std::array refusals = {std::errc::no_such_file_or_directory,
                                     std::errc::invalid_argument, std::errc::illegal_byte_sequence};
    return std::ranges::any_of(refusals, [error](std::errc code) { return error == code; });
}

const std::string no_such_name = "; the file system there takes no such name: ";

}  // namespace

std::string replacing_trouble(const fs::path& dest, std::error_code error) {
    std::error_code none;
    if (is_of_name(error) && fs::is_directory(directory_of(dest), none))
        return dest.string() + ": " + error.message() + no_such_name + "give it another";
    if (!is_of_renaming(error) || !fs::exists(dest, none)) return dest_trouble(dest, error);
    const bool mounted = error == std::errc::device_or_resource_busy;
    return dest.string() + ": " + error.message() +
           (mounted ? "; what is mounted there, or in use, cannot be replaced: kp2p-cat URI > FILE "
                      "writes into it"
                    : "; no file can be renamed over it there: remove it first, or name another");
}

std::string naming_trouble(const fs::path& dest, const fs::path& name, std::error_code error) {
    const std::string entry = (dest / name).string(), words = entry + ": " + error.message();
    if (error == std::errc::file_exists)
        return words +
               "; the file system there takes this for the name of another file of the "
               "directory, as where capital letters are the same as small ones: load it to "
               "another file system";
    return is_of_name(error) ? words + no_such_name + "load it to another file system" : entry;
}

std::string dest_trouble(const fs::path& dest, std::error_code error) {
    const bool of_system =
        error.category() == std::generic_category() || error.category() == std::system_category();
    const std::string why = of_system ? in_the_way(dest, error) : std::string();
    return why.empty() ? dest.string() : dest.string() + ": " + error.message() + "; " + why;
}

}  // namespace kp2p
