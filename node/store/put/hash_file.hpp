// hash_file: one pass over a file that finds out all there is to know of it, and copies it
// meanwhile.
#pragma once

#include <functional>
#include <optional>
#include <stop_token>
#include <vector>

#include "node/store/links_cache.hpp"
#include "proto/file/manifest.hpp"

namespace kp2p {

struct HashedFile {
    FileStamp stamp;  // of the source, before and after
    Sha1 sha1;
    std::uint64_t size_bytes = 0;
    KnownLinks known;
    std::optional<proto::ManifestHasher::Made> manifest;
};

enum class ManifestWish { none, make };

struct Copy {
    const File& file;                    // empty
    const std::filesystem::path& where;  // for the words about an error
};

using HashProgress = std::function<void(std::size_t bytes)>;  // that were hashed just now

// Hashes `source`, and makes `copy` (if not null) hold exactly the bytes that were hashed. A source
// that changes meanwhile is StoreErrc::changed, for what was hashed may be a mixture. Holes stay
// holes. A large file is hashed on a second core while this one reads and writes. Errc::canceled on
// `stop`, Errc::sha1_collision for one that is part of an attack on SHA-1. A storage error, and no
// other, is about the copy.
Result<HashedFile> hash_file(const File& source, const Copy* copy, ManifestWish wish,
                             const std::stop_token& stop,
                             const HashProgress& progress = HashProgress());

}  // namespace kp2p
