// What lies in the storage: every content and every link, and how much all of it takes.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "node/store/catalog/unread.hpp"
#include "node/store/layout.hpp"
#include "proto/bytes.hpp"
#include "proto/file/sha1dir.hpp"
#include "proto/outcome.hpp"

namespace kp2p {

struct ContentFacts {
    std::uint64_t size_bytes = 0;
    std::uint64_t disk_bytes = 0;  // less where there are holes; 0 for what is linked
    std::int64_t modified_s = 0;   // since 1970
    bool linked = false;           // it lies elsewhere
    bool odd = false;              // what is there is no file, or does not say where it lies
};
using Contents = std::map<Sha1, ContentFacts>;

// Each content and each link, by the first three bytes of its hash, in no other order.
using TellContent = std::function<void(const Sha1&, const ContentFacts&)>;
void each_content(const Layout& layout, const std::stop_token& stop, const TellContent& tell,
                  Unread* unread = nullptr);
// Of one, if it is here and not odd.
std::optional<ContentFacts> facts_of(const Layout& layout, const Sha1& sha1);

// Whether something has its name, whatever it is; if not, errno says why.
bool is_there(const Layout& layout, const Sha1& sha1);
// Errc::not_found only where it can be told that it is not here; else an error of the storage.
Result<void> look_for(const Layout& layout, const Sha1& sha1);
// An errno of what has no such name.
bool is_absence(int number);

// As far as it is read when `stop` is requested. Does not look at what is linked, as that may hang:
// its size is the one that was linked.
Contents contents_of(const Layout& layout, const std::stop_token& stop = {},
                     Unread* unread = nullptr);
Contents contents_of(const Layout& layout, const std::set<Sha1>& these, Unread* unread = nullptr);

// What the storage takes on the disk: contents, downloads that are not finished, as large as they
// will be, but that of `except`, and what was set aside.
std::uint64_t used_bytes(const Layout& layout, const Sha1& except);

// The listing of a directory that is here.
std::optional<proto::Sha1Dir> listing_of(const Layout& layout, const Sha1& sha1);
// The lists of pieces that a manifest names which is here.
std::vector<Sha1> piece_lists_of(const Layout& layout, const Sha1& manifest);
// All files in it, with their paths from there.
using TellFile = std::function<void(const std::string& path, const proto::Sha1Dir::File& file)>;
void each_file(const proto::Sha1Dir& directory, const TellFile& tell,
               const std::string& above = {});

}  // namespace kp2p
