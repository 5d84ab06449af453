#include <algorithm>
#include <cerrno>

#include "node/store/catalog/catalog.hpp"
#include "node/store/catalog/names.hpp"
#include "node/store/file.hpp"
#include "node/store/set_aside.hpp"

namespace kp2p {
namespace fs = std::filesystem;

void Catalog::forget(const Sha1& sha1) const {
    remove_names(layout_, sha1);
    for (const fs::path& path : {layout_.links_cache(sha1), layout_.record(sha1),
                                 layout_.loaded(sha1), layout_.removed(sha1)})
        disk().unlink(path);
}

bool Catalog::Asked::is_part_beside(const Sha1& sha1, const std::set<Sha1>& own) const {
    const auto found = records_of.find(sha1);
    return found != records_of.end() && found->second > own.count(sha1);
}

void Catalog::Asked::take(const std::set<Sha1>& own) {
    for (const Sha1& part : own)
        if (const auto found = records_of.find(part);
            found != records_of.end() && --found->second == 0)
            records_of.erase(found);
}

Catalog::Asked Catalog::all_asked_for() const {
    Asked asked{.pins = pinned(), .records_of = {}, .lost = {}};
    for (const Record& record : read_records(layout_.records()))
        for (const Sha1& part : parts_of(record)) ++asked.records_of[part];
    return asked;
}

bool Catalog::is_lost(const proto::Uri& uri, Asked& asked) const {
    if (!set_aside_of(layout_, uri.sha1).empty()) return lost(uri).files.contains(uri.sha1);
    if (!asked.lost) asked.lost = lost(std::nullopt);
    return asked.lost->files.contains(uri.sha1);
}

Result<Removed> Catalog::remove_one(const proto::Uri& uri, Asked& asked, std::string& why) const {
    if (uri.kind == proto::Uri::Kind::directory && !uri.path.empty()) {
        why = "a directory is removed as a whole";
        return Errc::usage;
    }
    auto record = read_record(layout_.record(uri.sha1));
    if (record && record->uri.sha1 != uri.sha1) record.reset();
    const auto found = look_for(layout_, uri.sha1);
    if (!found && (found.error() != Errc::not_found || (!record && !is_lost(uri, asked))))
        return found.error();
    if (asked.pins.contains(uri.sha1)) {
        why = "it is pinned, itself or in a directory; kp2p-unpin comes first";
        return Errc::usage;
    }
    std::set<Sha1> own;
    if (record) own = parts_of(*record);
    std::set<Sha1> parts = parts_of({uri});
    parts.insert(own.begin(), own.end());
    const bool is_part = asked.is_part_beside(uri.sha1, own);
    Removed removed;
    for (const Sha1& part : parts) {
        struct stat status;
        const bool stays = part != uri.sha1 && asked.is_part_beside(part, own);
        if (stays || asked.pins.contains(part)) continue;
        if (!is_there(layout_, part)) {
            disk().unlink(layout_.removed(part));  // nothing lacks it any more
            continue;
        }
        ++removed.files;
        if (disk().status(layout_.content(part), status) == 0)
            removed.bytes += static_cast<std::uint64_t>(status.st_size);
        for (const fs::path& path : {layout_.content(part), layout_.link(part)})
            if (disk().unlink(path) != 0 && !is_absence(errno))
                return storage_error(last_error(), path);
        forget(part);
    }
    if (!found) forget(uri.sha1);
    asked.take(own);
    if (!is_part) return removed;
    const fs::path note = layout_.removed(uri.sha1);
    if (auto done = write_record(layout_, note, {uri}); !done)
        return storage_error(done.error(), note);
    return removed;
}

std::vector<Catalog::Removal> Catalog::remove(const std::vector<proto::Uri>& uris) const {
    Asked asked = all_asked_for();
    std::vector<Removal> all;
    for (const proto::Uri& uri : uris) {
        Removal each{.outcome = Errc::failed, .why = {}};
        each.outcome = remove_one(uri, asked, each.why);
        if (!each.outcome && is_storage_error(each.outcome.error())) each.why = storage_trouble();
        all.push_back(std::move(each));
    }
    return all;
}

}  // namespace kp2p
