// Earlier: what the URIs of a command that were loaded to places of the user's leave for the next.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "cmd/dest/delivery.hpp"
#include "proto/file/sha1dir.hpp"
#include "proto/outcome.hpp"

namespace kp2p {

class Earlier {
  public:
    struct Listing {
        Sha1 document;
        proto::Sha1Dir directory;
        proto::Sha1Dir::LeftOut left_out;
    };
    // Of a directory; the last one is kept, until the next is asked for.
    Result<const Listing*> listing(const Delivery& by, const Sha1& document);
    // What the file at `path` was made of, if it was; others may be there, and may be replaced.
    std::optional<Sha1> made_at(const std::filesystem::path& path) const;
    void made(const std::filesystem::path& path, const Sha1& sha1);
    // Whether it is to be looked through: once, as that takes as long as there is in it.
    bool sweeps(const std::filesystem::path& directory) { return swept_.insert(directory).second; }

  private:
    using FileId = std::pair<dev_t, ino_t>;
    static std::optional<FileId> file_at(const std::filesystem::path& path);

    std::optional<Listing> listing_;
    std::map<FileId, Sha1> made_;
    std::set<std::filesystem::path> swept_;
};

}  // namespace kp2p
