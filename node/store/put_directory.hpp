// Puts a directory into the storage: every file in it, and the JSON that lists them.
#pragma once

#include <filesystem>

#include "node/store/intake.hpp"
#include "proto/file/uri.hpp"

namespace kp2p {

// As kachery does, a symbolic link counts as what it points to, and what is neither file nor
// directory (a broken link, a socket, ...) is left out, with a remark. A directory that contains
// itself through a link, or is more than proto::max_sha1dir_depth deep, is
// std::errc::too_many_symbolic_link_levels; a name that proto::is_entry_name() refuses is
// std::errc::illegal_byte_sequence. A directory lists SHA-1s only, so no manifests are made.
Result<proto::Uri> put_directory(const Layout& layout, const std::filesystem::path& directory,
                                 PutOptions options);

}  // namespace kp2p
