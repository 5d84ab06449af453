// Uri: what names a file or a directory.
//
//   uri   := "sha1://" hash ("." label)? ("/" name)? query?
//          | "sha1dir://" hash ("." label)? ("/" path)?
//   hash  := 40 hex digits             query := "?" parameter ("&" parameter)*
//   parameter := "manifest=" hash      | "chunkOf=" anything, which is a hint and is ignored
//
// Only the hashes carry meaning; a file's name and a label are for people. Components of a path are
// separated by "/", none is empty, "." or "..", and "%XX" stands for a byte. text() writes letters
// of any language as they are, and all else but "-._~+,=:@" as "%XX", so that it can be pasted into
// a shell; parse() also takes blanks and other marks as they are, as kachery prints them.
// Source: kachery 0.6 core.py, kachery_p2p 0.8 _misc.py (_parse_kachery_uri).
#pragma once

#include <compare>
#include <optional>
#include <string>
#include <string_view>

#include "proto/bytes.hpp"
#include "proto/outcome.hpp"

namespace kp2p::proto {

inline constexpr std::size_t max_uri_bytes = 16 * 1024;

struct Uri {
    enum class Kind { file, directory };

    Kind kind = Kind::file;
    Sha1 sha1;                     // of the file, or of the directory's JSON
    std::string label;             // decoded, like path
    std::string path;              // a file's name, or the path inside a directory; may be empty
    std::optional<Sha1> manifest;  // of a file only

    // kp2p::Errc::usage for anything else than the grammar above. `complaint` gets a sentence that
    // says what is wrong.
    static Result<Uri> parse(std::string_view text, std::string& complaint);
    static Result<Uri> parse(std::string_view text);
    std::string text() const;

    friend bool operator==(const Uri&, const Uri&) = default;
};

}  // namespace kp2p::proto
