// load_to: gets what a URI names into the storage and from there to a place of the user's. What has
// not been verified during this call is, as it is written. The daemon never sees that place: it is
// written with the rights, and in the view of the file system, of the command.
#pragma once

#include <filesystem>

#include "cmd/dest/delivery.hpp"
#include "cmd/dest/earlier.hpp"
#include "proto/file/uri.hpp"

namespace kp2p {

// Says whether the data went to standard output, where nothing else may follow. A directory that
// holds all of it already is done. No file takes the place of one that was made earlier.
enum class Delivered { to_path, to_stdout };
Result<Delivered> load_to(const Delivery& by, const proto::Uri& uri,
                          const std::filesystem::path& dest, Earlier& earlier);

}  // namespace kp2p
