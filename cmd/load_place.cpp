#include "cmd/load_place.hpp"

#include <filesystem>

namespace kp2p {

Result<std::string> place_of(client::Command& command, const proto::Uri& uri,
                             const LoadPlace& wish) {
    if (!wish.dest && !wish.own_name) return std::string();
    const bool whole = uri.kind == proto::Uri::Kind::directory && uri.path.empty();
    const bool into = wish.dest && wish.dest->ends_with('/') && (wish.several || !whole);
    if (!into && !wish.own_name) return *wish.dest;
    const std::string name = uri.own_name();
    if (name.empty())
        return command.failure(Errc::usage,
                               uri.text() + " has no name of its own; --dest FILE gives it one");
    if (wish.own_name) return name;
    std::error_code error;
    std::filesystem::create_directories(*wish.dest, error);
    if (error) return command.failure(error, *wish.dest);
    return *wish.dest + name;
}

}  // namespace kp2p
