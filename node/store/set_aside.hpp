// What lies in a file's place in the storage and is not that file goes to kp2p/damaged/, or, where
// it cannot go there (it may be on another file system), beside its place. Nothing is deleted: it
// may be all that is left of something.
#pragma once

#include <filesystem>
#include <set>

#include "node/store/file.hpp"
#include "node/store/layout.hpp"

namespace kp2p {

// Where it is now. It may be anything, also a directory.
Result<std::filesystem::path> set_aside(const Layout& layout, const Sha1& sha1);
// The same, if it is still the file that had `stamp`; Errc::not_found if another has come.
Result<std::filesystem::path> set_aside(const Layout& layout, const Sha1& sha1,
                                        const FileStamp& stamp);

// All of which something was set aside; what lies beside its place is left out.
std::set<Sha1> all_set_aside(const Layout& layout);
// Where something lies that was in this one's place; empty if nothing does.
std::filesystem::path set_aside_of(const Layout& layout, const Sha1& sha1);

}  // namespace kp2p
