// copy_stored: copies a file of the storage to a place of the user's without the daemon in between,
// where the command may read it.
#pragma once

#include <filesystem>
#include <functional>
#include <stop_token>
#include <string>

#include "node/store/file.hpp"

namespace kp2p {

struct StoredCopy {
    std::filesystem::path path;  // of the content
    Sha1 sha1;
    // FileStamp::text() of it when it was verified just now; empty if it was not.
    std::string stamp = {};
};

// True: `to`, which must be empty, holds the file, with its holes, and was hashed as it was
// written, unless it has that stamp still. It shares the blocks, where the file system can do that.
// False: the file cannot be had this way, and `to` is empty. Errc::canceled on `stop`; else the
// system's code where `to` could not be emptied.
// `moved`: while a large file is copied.
Result<bool> copy_stored(const StoredCopy& from, const File& to, const std::stop_token& stop,
                         const std::function<void()>& moved = {});

}  // namespace kp2p
