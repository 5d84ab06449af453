// Gives finished contents their names. What is acknowledged under a hash is never replaced by other
// bytes: the same bytes stay, and other bytes of the same hash, a collision, are refused. Only what
// does not have its hash any more gives way.
#pragma once

#include <filesystem>

#include "node/store/file.hpp"
#include "node/store/layout.hpp"

namespace kp2p {

class DirectoryMaker;

struct Content {
    const std::filesystem::path& from;  // where it lies
    const File& file;                   // the same, open and flushed; its bytes have that hash
    const Sha1& sha1;
    // Who flushes its whole file system next need not have what is there already flushed here.
    enum class There { flush, leave } there = There::flush;
};
struct Placed {
    bool anew = true;        // false: the same bytes were there, and `from` is left over
    bool elsewhere = false;  // on another file system than `from`, durably; `from` is left over
};
// Makes the directories that it takes, and `from` read-only. The name is not flushed.
// StoreErrc::collision.
Result<Placed> place_content(const Layout& layout, const Content& content, DirectoryMaker& maker);
// Takes back a name whose flush failed: what is not acknowledged must not look so.
void displace_content(const Layout& layout, const Sha1& sha1, const Placed& placed);

}  // namespace kp2p
