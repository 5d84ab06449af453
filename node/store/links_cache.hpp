// The cached SHA-1 links of a file, good as long as the file has the same stamp. Made when a file
// is hashed; a file of one chunk needs none. Integers little-endian.
//   cache := "kp2plnk4"  size:u64  modified_ns:u64  changed_ns:u64  inode:u64  chunk*  check:u64
//   chunk := link:20  sum:u64    sum is content_sum() of the chunk, or 0
//   check is XXH3-64 of all before it; the number of chunks follows from the size.
// A cache that is missing, torn or of another stamp is simply not there.
#pragma once

#include <filesystem>
#include <optional>
#include <vector>

#include "node/store/file.hpp"
#include "proto/file/links.hpp"

namespace kp2p {

struct KnownLinks {
    std::vector<Sha1Link> links;
    // content_sum() of each chunk. Empty where another user may have written the cache: what he
    // says the file is counts for no more than its SHA-1 does.
    std::vector<std::uint64_t> sums;
    friend bool operator==(const KnownLinks&, const KnownLinks&) = default;
};

// The stamp of the file when it was hashed, unchecked.
std::optional<FileStamp> stamp_of_links(const std::filesystem::path& cache);
std::optional<KnownLinks> load_links(const std::filesystem::path& cache, const FileStamp& stamp);
// Failure to write is no error to anyone: the links can be made again.
void save_links(const std::filesystem::path& cache, const FileStamp& stamp,
                const KnownLinks& known);

}  // namespace kp2p
