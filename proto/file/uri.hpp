// Uri: what names a file or a directory.
//
//   uri   := "sha1://" hash ("." label)? ("/" name)? query?
//          | "sha1dir://" hash ("." label)? ("/" path)? query?
//          | hash, of a file
//   hash  := 40 hex digits             query := "?" parameter ("&" parameter)*
//   parameter := "manifest=" hash, of a file | any other, which is ignored
//
// Only the hashes and a path carry meaning; a file's name and a label are for people, and may be
// any text. Components of a path are separated by "/", and none is "." or "..". "%XX" stands for a
// byte, save "/" and NUL; a "%" before anything else stands for itself. text() writes letters of
// any language as they are, and all else but "-._~+,=:@" as "%XX", so that it can be pasted into a
// shell; parse() also takes what kachery prints, which is the bare name, and blanks, line ends and
// quotes around a URI. A bare name may look like something encoded, or have a "?" in it, so what
// was written is kept beside what it means. Source: kachery 0.6 core.py, kachery_p2p 0.8 _misc.py
// (_parse_kachery_uri).
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
    std::string written =
        {};  // what was parsed, without blanks and quotes around it, with a scheme

    // kp2p::Errc::usage for anything else than the grammar above. `complaint` gets a sentence that
    // says what is wrong.
    static Result<Uri> parse(std::string_view text, std::string& complaint);
    static Result<Uri> parse(std::string_view text);
    std::string text() const;
    // What a copy of it is called: the file's name, the last one in a path, a directory's label.
    // Empty if it has none that could be a name of a file (is_entry_name()), or one with control
    // marks.
    std::string own_name() const;
    // The path in a directory, if names stand bare in it, as kachery prints them.
    std::string_view bare_path() const;

    // What was written does not count.
    friend bool operator==(const Uri& a, const Uri& b) {
        return a.kind == b.kind && a.sha1 == b.sha1 && a.label == b.label && a.path == b.path &&
               a.manifest == b.manifest;
    }
};

}  // namespace kp2p::proto
