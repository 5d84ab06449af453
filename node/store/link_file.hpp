// LinkFile: a ".link" file, which says that a file's content lies elsewhere, uncopied. It holds
// only as long as the linked file has the same size and modification time.
//   {"path": "/abs/path", "manifest_hash": "HASH" or null,
//    "stat": {"size": N, "mtime": SECONDS, "mtime_ns": N}}
// mtime is Python's st_mtime, a double; mtime_ns is ours and exact, and absent in what kachery
// wrote. Source: kachery_p2p 0.8 _local_kachery_storage.py, KacheryStorageManager.ts.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "node/store/file.hpp"

namespace kp2p {

struct LinkFile {
    std::filesystem::path path;  // absolute
    std::uint64_t size_bytes = 0;
    double modified_s = 0;
    std::optional<std::int64_t> modified_ns;
    std::optional<Sha1> manifest;

    static LinkFile to(std::filesystem::path path, const FileStamp& stamp,
                       std::optional<Sha1> manifest);
    static Result<LinkFile> parse(std::string_view json);  // proto::Errc::bad_text
    std::string text() const;
    bool matches(const FileStamp& stamp) const;
};

}  // namespace kp2p
