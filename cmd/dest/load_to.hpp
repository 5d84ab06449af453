// load_to: gets what a URI names into the storage and from there to a place of the user's. What has
// not been verified during this call is, as it is written. The daemon never sees that place: it is
// written with the rights, and in the view of the file system, of the command.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "cmd/dest/delivery.hpp"
#include "proto/file/sha1dir.hpp"
#include "proto/file/uri.hpp"

namespace kp2p {

// What the earlier URIs of a command leave for the next ones.
struct Earlier {
    using FileId = std::pair<dev_t, ino_t>;
    std::map<FileId, Sha1> made;            // files at their places
    std::set<std::filesystem::path> swept;  // directories; each takes as long as there is in it
    struct Listing {
        Sha1 document;
        proto::Sha1Dir directory;
        proto::Sha1Dir::LeftOut left_out;
    };
    std::optional<Listing> listing;  // of the last directory
};

// Says whether the data went to standard output, where nothing else may follow. A directory that
// holds all of it already is done. No file takes the place of one that was made earlier.
enum class Delivered { to_path, to_stdout };
Result<Delivered> load_to(const Delivery& by, const proto::Uri& uri,
                          const std::filesystem::path& dest, Earlier& earlier);

}  // namespace kp2p
