// A content under a name of its own: most programs tell what a file is by the end of its name
// (".csv.gz"), and its hash has none. It is a hard link beside the content, so it takes no room; a
// symbolic one where the system makes no hard link, as to another user's file, or to another file
// system.
#pragma once

#include <filesystem>
#include <string>

#include "node/store/file.hpp"
#include "node/store/layout.hpp"

namespace kp2p {

struct NamedContent {
    std::filesystem::path path;
    FileStamp before, after;  // of the content: one more name shows in its stamp
};
// Of a content that is there; `name` is_entry_name(). It leads to what the content is now, also if
// it led to another before; and read-only. A failure is the file system's, which may have no links.
Result<NamedContent> name_content(const Layout& layout, const Sha1& sha1, const std::string& name);
void remove_names(const Layout& layout, const Sha1& sha1);

}  // namespace kp2p
