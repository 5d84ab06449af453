// Catalog: what the storage holds, for people, and how they have it hold less: lists it, removes
// and pins, and collects the cache (marks.hpp). What is being read meanwhile is safe: a file that
// is removed is there for whoever has it open, and for others it is as if it had never been here.
//
// Blocking, and as long as a walk through the storage takes. From any thread.
// Errors: Errc::not_found, Errc::usage with words in `why`, Errc::storage_unavailable.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "node/store/catalog/catalog_list.hpp"
#include "node/store/catalog/contents.hpp"
#include "node/store/catalog/records.hpp"
#include "node/store/layout.hpp"

namespace kp2p {

struct Removed {
    std::uint64_t files = 0, bytes = 0;  // bytes on the disk
};

class Catalog {
  public:
    explicit Catalog(const Layout& layout) : layout_(layout) {}

    // An error of the storage where a list of what lies here would be short for want of rights, or
    // of the storage itself (check_storage()).
    Result<void> can_list() const;

    // Errc::usage where the directory that `uri` names is here, and has no such path.
    Result<void> check_path(const proto::Uri& uri) const;

    // All that lies here, or what of it `uri` is about: of a path in a directory what that names,
    // and the directory's own list, which says so. What is short for want of rights in parts
    // of the storage says so in `unread`.
    Contents contents(const std::optional<proto::Uri>& uri, const std::stop_token& stop,
                      Unread* unread = nullptr) const;
    // By which URI people know each content that has a name, alone or in a directory.
    std::map<Sha1, proto::Uri> names() const;

    // What is not here though it was asked for by name and nobody has removed it, or of that what
    // `uri` is about, and where it was set aside; empty for what has vanished. Of a directory that
    // was loaded, files are allowed to give way, or never to come: of `uri`, `absent` counts them.
    // `removed` counts what remove() took out of it since.
    struct Lost {
        std::map<Sha1, std::filesystem::path> files;
        std::uint64_t removed = 0, absent = 0;
    };
    Lost lost(const std::optional<proto::Uri>& uri) const;

    // What was asked for by name, and every content that is no part of that; the latest first.
    CatalogList entries(const std::stop_token& stop = {}, Unread* unread = nullptr) const;

    // Each is a file, or a directory with what of it is no part of anything else that was asked
    // for. What else was asked for lacks it from then on. Errc::usage for what is pinned, or a path
    // in a directory; Errc::not_found for what is neither here nor lost. One after the other, with
    // one walk through all that was asked for.
    struct Removal {
        Result<Removed> outcome;
        std::string why;
    };
    std::vector<Removal> remove(const std::vector<proto::Uri>& uris) const;

    // It, or all that is in it, stays. What is not here is Errc::not_found.
    Result<void> pin(const proto::Uri& uri) const;
    Result<void> unpin(const proto::Uri& uri) const;

    // Removes what was loaded and is not pinned, that which was used longest ago first, until all
    // that was loaded takes at most so much. Where it cannot be read what is pinned, nothing.
    enum class Mode { really, dry_run };
    Removed collect(std::uint64_t most_bytes, Mode mode, const std::stop_token& stop = {},
                    Unread* unread = nullptr) const;
    // The same until there is room for so much more. Since each call walks through all that was
    // loaded, at most a sixteenth of it goes too, as long as the next file is no larger than what
    // is left of that: of many small files the next one would ask again.
    Removed make_room(std::uint64_t bytes) const;

  private:
    struct Candidate {
        std::int64_t used_ns = 0;
        Sha1 sha1;
        std::uint64_t bytes = 0;
    };
    struct Asked {  // what was asked for by name, and is to stay
        std::set<Sha1> pins;
        std::map<Sha1, std::size_t> records_of;  // whose part each content is
        std::optional<Lost> lost;                // once it is asked for

        // Of another record than the one with the parts `own`.
        bool is_part_beside(const Sha1& sha1, const std::set<Sha1>& own) const;
        void take(const std::set<Sha1>& own);  // that one is gone
    };
    Asked all_asked_for() const;
    bool is_lost(const proto::Uri& uri, Asked& asked) const;
    Result<Removed> remove_one(const proto::Uri& uri, Asked& asked, std::string& why) const;
    std::set<Sha1> parts_of(const Record& record) const;
    std::set<Sha1> parts_named(const proto::Uri& uri) const;
    std::set<Sha1> pinned(Unread* unread = nullptr) const;
    std::vector<Candidate> candidates(const std::stop_token& stop, Unread* unread = nullptr) const;
    void forget(const Sha1& sha1) const;
    bool take_loaded(const Sha1& sha1, Unread* unread) const;

    Layout layout_;
};

}  // namespace kp2p
