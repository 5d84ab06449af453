// Puts a directory into the storage: every file in it, and the JSON that lists them.
#pragma once

#include <filesystem>

#include "node/store/put/intake.hpp"
#include "proto/file/uri.hpp"

namespace kp2p {

// As kachery does, a symbolic link counts as what it points to; but only within `directory`, as
// nobody who shares a directory means to share what a link in it points to elsewhere, unless
// options.follow says so. Left out, with a remark, are: links that lead out of it, are broken, or
// lead to a directory that they are in; what is neither file nor directory (a socket, ...); names
// that proto::is_entry_name() refuses; what is more than proto::max_sha1dir_depth deep; the
// storage, and configuration directories of nodes, which hold their keys: where `directory` itself
// is one, that is StoreErrc::itself or secrets. What cannot be read is an error, and options.blame
// is told of it. A directory lists SHA-1s only, so no manifests are made.
Result<proto::Uri> put_directory(const Layout& layout, const std::filesystem::path& directory,
                                 PutOptions options);

}  // namespace kp2p
