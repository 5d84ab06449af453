// The cached SHA-1 links of a file, good as long as the file has the same stamp. Made when a file
// is hashed; a file of one chunk needs none. Integers little-endian.
//   cache := "kp2plnk3"  size:u64  modified_ns:u64  changed_ns:u64  inode:u64  link:20*  check:u64
//   check is XXH3-64 of all before it; the number of links follows from the size.
// A cache that is missing, torn or of another stamp is simply not there.
#pragma once

#include <filesystem>
#include <optional>
#include <vector>

#include "node/store/file.hpp"

namespace kp2p {

// The stamp of the file when it was hashed, unchecked.
std::optional<FileStamp> stamp_of_links(const std::filesystem::path& cache);
std::optional<std::vector<Sha1Link>> load_links(const std::filesystem::path& cache,
                                                const FileStamp& stamp);
// Failure to write is no error to anyone: the links can be made again.
void save_links(const std::filesystem::path& cache, const FileStamp& stamp,
                const std::vector<Sha1Link>& links);

}  // namespace kp2p
