#include "cmd/load_place.hpp"

#include <filesystem>

#include "cmd/dest/dest_trouble.hpp"
#include "node/client/hang_watch.hpp"

namespace kp2p {

bool is_directory_place(const std::string& dest) {
    const client::Waiting waiting(dest);
    std::error_code error;
    return dest.ends_with('/') || std::filesystem::is_directory(dest, error);
}

Result<std::string> place_of(client::Command& command, const proto::Uri& uri,
                             const LoadPlace& wish) {
    if (!wish.dest && !wish.own_name) return std::string();
    const bool whole = uri.kind == proto::Uri::Kind::directory && uri.path.empty();
    const bool into = wish.dest && (wish.several || !whole) && is_directory_place(*wish.dest);
    if (!into && !wish.own_name) return *wish.dest;
    const std::string name = uri.own_name();
    if (name.empty())
        return command.failure(Errc::usage,
                               uri.text() + " has no name of its own; --dest FILE gives it one");
    if (wish.own_name) return name;
    const client::Waiting waiting(*wish.dest);
    std::error_code error;
    std::filesystem::create_directories(*wish.dest, error);
    std::error_code none;
    const std::filesystem::path named = *wish.dest;
    const std::filesystem::path place = named.has_filename() ? named : named.parent_path();
    if (error == std::errc::file_exists && !std::filesystem::exists(place, none))
        error = make_error_code(std::errc::no_such_file_or_directory);  // a link to nowhere
    if (error) return command.failure(error, dest_trouble(*wish.dest, error));
    return (std::filesystem::path(*wish.dest) / name).native();
}

}  // namespace kp2p
