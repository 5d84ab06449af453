// fill_directory: all files of a directory, which are in the storage by now, into a new one of the
// user's; two at a time.
#pragma once

#include <filesystem>

#include "cmd/dest/delivery.hpp"
#include "node/store/layout.hpp"
#include "proto/file/sha1dir.hpp"

namespace kp2p {

// `to` is new and known to nobody else, and every name was checked when the listing was parsed, so
// nothing can be written elsewhere. `unmade`: what could not be made, if the error is about that.
Result<void> fill_directory(const Delivery& by, const Layout& storage, const proto::Sha1Dir& dir,
                            const std::filesystem::path& to, std::filesystem::path& unmade);

}  // namespace kp2p
