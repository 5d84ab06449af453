// Sha1Dir: a directory as kachery stores it, one JSON document for the whole tree, kept like any
// file under its SHA-1 and named "sha1dir://HASH.label".
//   directory := {"files": {NAME: {"size": N, "sha1": "HASH"}, ...}, "dirs": {NAME: directory,
//   ...}}
// text() gives the bytes Python's json.dumps() gives for it, with names in byte order (kachery
// writes them in the order in which the file system lists them). Source: kachery 0.6 core.py,
// _read_file_system_dir. It writes a name that is no UTF-8 with a lone surrogate for each byte, as
// "\\udcff" (PEP 383).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "proto/bytes.hpp"

namespace kp2p::proto {

struct Uri;

// Limits of parse(). The depth is what fits into a path (PATH_MAX is 4096 on Linux) of short names.
inline constexpr std::size_t max_sha1dir_bytes = std::size_t{64} << 20;
inline constexpr std::size_t max_sha1dir_depth = 1000;

// Whether a file or directory may have this name: 1 to 255 bytes of UTF-8, neither "." nor "..",
// without "/" and NUL. So a path of such names never leaves the directory it starts in.
bool is_entry_name(std::string_view name);

struct DirEntry {
    enum class Kind { file, directory };
    Kind kind = Kind::file;
    std::string name;
    std::uint64_t size_bytes = 0;  // of a file
    Sha1 sha1;                     // of a file
    friend bool operator==(const DirEntry&, const DirEntry&) = default;
};

struct Sha1Dir {
    struct File {
        std::uint64_t size_bytes = 0;
        Sha1 sha1;
        friend bool operator==(const File&, const File&) = default;
    };
    // All names satisfy is_entry_name(), and none is in both.
    std::map<std::string, File, std::less<>> files;
    std::map<std::string, Sha1Dir, std::less<>> dirs;

    // Entries that a document has and a Sha1Dir cannot: a name that is_entry_name() refuses or that
    // is there twice, a file without SHA-1 or size, a directory of another shape or too deep.
    struct LeftOut {
        static constexpr std::size_t max_paths = 8;
        std::size_t count = 0;
        std::vector<std::string> paths;  // of the first ones; may hold any bytes
        // A sentence for people, printable; empty if nothing was left out.
        std::string text() const;
    };
    // Errc::bad_text: no JSON, or the whole is not of this shape; too_long: above a limit. One odd
    // entry does not take the others away.
    static Result<Sha1Dir> parse(std::string_view json, LeftOut& left_out);
    static Result<Sha1Dir> parse(std::string_view json);
    std::string text() const;

    // What `path` ("a/b", as in a Uri) names: a file, a directory, or (both null) nothing. The
    // empty path names this directory. Valid as long as this object is unchanged.
    struct Found {
        const File* file = nullptr;
        const Sha1Dir* dir = nullptr;
    };
    Found find(std::string_view path) const;
    Found find(const Uri& uri) const;  // by its path, also if names stand bare in it

    std::vector<DirEntry> entries() const;  // of this directory alone, by name
    friend bool operator==(const Sha1Dir&, const Sha1Dir&) = default;
};

}  // namespace kp2p::proto
