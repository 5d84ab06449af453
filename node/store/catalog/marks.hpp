// Marks: what of the storage was loaded from others, and can be loaded again: the cache, which
// gives way when room is needed. All else is somebody's own and never does. A mark is a file of its
// own, dated when its content was used last; in doubt there is none, and a content stays.
//
// So that none is left at what two processes put at once: who stores takes the mark away before the
// content gets its name, and again afterwards; who loads makes it before; who collects looks once
// more when the content has lost its name (catalog.cpp).
#pragma once

#include <chrono>
#include <map>

#include "node/store/catalog/unread.hpp"
#include "node/store/file.hpp"
#include "node/store/layout.hpp"

namespace kp2p {

class DirectoryMaker;

// Unless a record says that it is somebody's own, as of a content that was damaged.
void mark_loaded(const Layout& layout, const Sha1& sha1, DirectoryMaker& maker);
void unmark_loaded(const Layout& layout, const Sha1& sha1);  // durably
bool is_marked_loaded(const Layout& layout, const Sha1& sha1);
void note_use(const Layout& layout, const Sha1& sha1);  // of what is marked

// All marks, and when each content was used, in nanoseconds since 1970.
std::map<Sha1, std::int64_t> loaded_marks(const Layout& layout, Unread* unread = nullptr);

// The hashes that name the files of one of our directories, two levels deep.
std::vector<Sha1> hashes_in(const std::filesystem::path& directory, Unread* unread = nullptr);

}  // namespace kp2p
