#include "node/store/catalog/catalog.hpp"

#include <algorithm>
#include <cerrno>

#include "node/store/catalog/marks.hpp"
#include "node/store/catalog/names.hpp"
#include "node/store/directories.hpp"
#include "node/store/set_aside.hpp"
#include "node/store/temp_file.hpp"

namespace kp2p {
namespace fs = std::filesystem;

namespace {

std::uint64_t size_of(const proto::Sha1Dir& directory) {
    std::uint64_t bytes = 0;
    each_file(directory,
              [&](auto&, const proto::Sha1Dir::File& file) { bytes += file.size_bytes; });
    return bytes;
}

// `marks` are sorted.
Record::Kind kind_of(const Sha1& sha1, const ContentFacts& facts, const std::vector<Sha1>& marks) {
    if (facts.linked) return Record::Kind::linked;
    const bool marked = std::ranges::binary_search(marks, sha1);
    return marked ? Record::Kind::loaded : Record::Kind::stored;
}

}  // namespace

// It is part of itself.
std::set<Sha1> Catalog::parts_of(const Record& record) const {
    std::set<Sha1> parts{record.uri.sha1};
    if (record.uri.manifest) {
        parts.insert(*record.uri.manifest);
        for (const Sha1& list : piece_lists_of(layout_, *record.uri.manifest)) parts.insert(list);
    }
    if (record.uri.kind == proto::Uri::Kind::file) return parts;
    if (const auto directory = listing_of(layout_, record.uri.sha1))
        each_file(*directory, [&](auto&, const auto& file) { parts.insert(file.sha1); });
    return parts;
}

std::set<Sha1> Catalog::parts_named(const proto::Uri& uri) const {
    if (uri.kind == proto::Uri::Kind::file || uri.path.empty()) return parts_of({uri});
    std::set<Sha1> parts{uri.sha1};
    const auto directory = listing_of(layout_, uri.sha1);
    if (!directory) return parts;
    const proto::Sha1Dir::Found found = directory->find(uri);
    if (found.file) parts.insert(found.file->sha1);
    if (found.dir) each_file(*found.dir, [&](auto&, const auto& file) { parts.insert(file.sha1); });
    return parts;
}

Result<void> Catalog::check_path(const proto::Uri& uri) const {
    if (uri.kind == proto::Uri::Kind::file) return ok;
    const auto directory = listing_of(layout_, uri.sha1);
    if (!directory) return ok;
    const proto::Sha1Dir::Found found = directory->find(uri);
    if (!found.file && !found.dir) return Errc::usage;
    return ok;
}

std::set<Sha1> Catalog::pinned(Unread* unread) const {
    std::set<Sha1> all;
    for (const Record& pin : read_records(layout_.pins(), unread)) all.merge(parts_of(pin));
    return all;
}

Result<void> Catalog::can_list() const {
    if (auto there = check_storage(layout_); !there) return there;
    for (const std::filesystem::path& directory : {layout_.contents(), layout_.records()}) {
        std::error_code error;
        const std::filesystem::directory_iterator first(directory, error);
        if (error && error != std::errc::no_such_file_or_directory)
            return storage_error(error, directory);
    }
    return ok;
}

Contents Catalog::contents(const std::optional<proto::Uri>& uri, const std::stop_token& stop,
                           Unread* unread) const {
    return uri ? contents_of(layout_, parts_named(*uri), unread)
               : contents_of(layout_, stop, unread);
}

Catalog::Lost Catalog::lost(const std::optional<proto::Uri>& uri) const {
    const auto is_here = [this](const Sha1& sha1) {
        const auto found = look_for(layout_, sha1);
        return found || found.error() != Errc::not_found;
    };
    std::set<Sha1> gone;  // of what the URI is about
    if (uri) gone = parts_named(*uri);
    std::erase_if(gone, is_here);
    if (uri && gone.empty()) return {};
    const std::set<Sha1> aside = all_set_aside(layout_);
    std::map<Sha1, std::int64_t> wanted;  // since when
    const auto want = [&wanted](const Sha1& sha1, std::int64_t time_s) {
        std::int64_t& since_s = wanted.try_emplace(sha1, time_s).first->second;
        since_s = std::max(since_s, time_s);
    };
    for (const Record& record : read_records(layout_.records()))
        for (const Sha1& part : parts_of(record))
            if (record.kind != Record::Kind::loaded || part == record.uri.sha1 ||
                aside.contains(part))
                want(part, record.time_s);
    for (const Record& pin : read_records(layout_.pins())) want(pin.uri.sha1, pin.time_s);
    Lost lost;
    if (uri) {
        for (const Sha1& part : gone)
            if (part != uri->sha1 && !wanted.contains(part)) ++lost.absent;
        std::erase_if(wanted, [&](const auto& each) { return !gone.contains(each.first); });
        if (gone.contains(uri->sha1) && !set_aside_of(layout_, uri->sha1).empty())
            wanted.try_emplace(uri->sha1);
    } else {
        std::erase_if(wanted, [&](const auto& each) { return is_here(each.first); });
    }
    for (const auto& [sha1, since_s] : wanted) {
        const auto removed = read_record(layout_.removed(sha1));
        if (removed && removed->time_s >= since_s)
            ++lost.removed;
        else
            lost.files.emplace(sha1, set_aside_of(layout_, sha1));
    }
    return lost;
}

std::map<Sha1, proto::Uri> Catalog::names() const {
    std::map<Sha1, proto::Uri> names;
    for (const Record& record : read_records(layout_.records())) {
        if (record.uri.kind == proto::Uri::Kind::file) {
            // A bare hash is no name, as what was found wrong may have.
            if (!record.uri.own_name().empty()) names.insert_or_assign(record.uri.sha1, record.uri);
            continue;
        }
        const auto directory = listing_of(layout_, record.uri.sha1);
        if (!directory) continue;
        const auto add = [&](const std::string& path, const proto::Sha1Dir::File& file) {
            proto::Uri uri = record.uri;
            uri.path = path;
            names.emplace(file.sha1, std::move(uri));
        };
        each_file(*directory, add);
    }
    return names;
}

CatalogList Catalog::entries(const std::stop_token& stop, Unread* unread) const {
    std::vector<Sha1> marks = hashes_in(layout_.loaded()), covered;
    std::ranges::sort(marks);
    std::set<Sha1> pins;
    for (const Record& pin : read_records(layout_.pins())) pins.insert(pin.uri.sha1);
    CatalogList entries;
    for (const Record& record : read_records(layout_.records(), unread)) {
        const Sha1& sha1 = record.uri.sha1;
        const auto facts = facts_of(layout_, sha1);
        if (!facts) continue;
        CatalogEntry entry{record.uri, kind_of(sha1, *facts, marks), pins.contains(sha1),
                           facts->size_bytes, record.time_s};
        if (record.uri.kind == proto::Uri::Kind::directory) {
            if (record.kind == Record::Kind::linked) entry.kind = record.kind;
            if (const auto directory = listing_of(layout_, sha1))
                entry.size_bytes = size_of(*directory);
        }
        entries.add(std::move(entry));
        for (const Sha1& part : parts_of(record)) covered.push_back(part);
    }
    std::ranges::sort(covered);
    const auto add = [&](const Sha1& sha1, const ContentFacts& facts) {
        if (facts.odd || std::ranges::binary_search(covered, sha1)) return;
        CatalogEntry entry{{},
                           kind_of(sha1, facts, marks),
                           pins.contains(sha1),
                           facts.size_bytes,
                           facts.modified_s};
        entry.uri.sha1 = sha1;
        entries.add(std::move(entry));
    };
    each_content(layout_, stop, add, unread);
    entries.sort();
    return entries;
}

Result<void> Catalog::pin(const proto::Uri& uri) const {
    if (auto found = look_for(layout_, uri.sha1); !found) return found;
    const fs::path path = layout_.pin(uri.sha1);
    if (auto done = write_record(layout_, path, {uri, Record::Kind::stored}); !done)
        return storage_error(done.error(), path);
    return ok;
}

Result<void> Catalog::unpin(const proto::Uri& uri) const {
    const fs::path path = layout_.pin(uri.sha1);
    if (disk().unlink(path) == 0) return ok;
    if (!is_absence(errno)) return storage_error(last_error(), path);
    if (auto can_tell = check_storage(layout_); !can_tell) return can_tell;
    return Errc::not_found;
}

std::vector<Catalog::Candidate> Catalog::candidates(const std::stop_token& stop,
                                                    Unread* unread) const {
    Unread pins_unread;
    const std::set<Sha1> pins = pinned(&pins_unread);
    std::vector<Candidate> all;
    if (!pins_unread.first.empty()) {
        if (unread) *unread = pins_unread;
        return all;
    }
    for (const auto& [sha1, used_ns] : loaded_marks(layout_, unread)) {
        struct stat status;
        if (stop.stop_requested()) break;
        if (pins.contains(sha1) || disk().link_status(layout_.content(sha1), status) != 0) continue;
        all.push_back({used_ns, sha1, disk_bytes_of(status)});
    }
    std::ranges::sort(all, {}, [](const Candidate& each) { return each.used_ns; });
    return all;
}

Removed Catalog::collect(std::uint64_t most_bytes, Mode mode, const std::stop_token& stop,
                         Unread* unread) const {
    const std::vector<Candidate> oldest = candidates(stop, unread);
    std::uint64_t left_bytes = 0;
    for (const Candidate& each : oldest) left_bytes += each.bytes;
    Removed removed;
    for (const Candidate& each : oldest) {
        if (stop.stop_requested() || left_bytes <= most_bytes) break;
        if (mode == Mode::really && !take_loaded(each.sha1, unread)) continue;
        left_bytes -= each.bytes;
        removed.bytes += each.bytes;
        ++removed.files;
    }
    return removed;
}

Removed Catalog::make_room(std::uint64_t bytes) const {
    const std::vector<Candidate> oldest = candidates({});
    std::uint64_t spare_bytes = 0;
    for (const Candidate& each : oldest) spare_bytes += each.bytes;
    spare_bytes /= 16;
    Removed removed;
    for (const Candidate& each : oldest) {
        const bool wanted = removed.bytes < bytes;
        if (!wanted && each.bytes > spare_bytes) break;
        if (!take_loaded(each.sha1, nullptr)) continue;
        if (!wanted) spare_bytes -= each.bytes;
        removed.bytes += each.bytes;
        ++removed.files;
    }
    return removed;
}

// Somebody may be storing the same content at this moment: who has found it there has taken the
// mark away before.
bool Catalog::take_loaded(const Sha1& sha1, Unread* unread) const {
    const fs::path from = layout_.content(sha1);
    const fs::path aside = layout_.contents() / TempFile::new_name();
    if (!is_marked_loaded(layout_, sha1)) return false;
    if (disk().rename(from, aside) != 0) {
        if (unread && !is_absence(errno)) unread->note(from, last_error());
        return false;
    }
    if (!is_marked_loaded(layout_, sha1)) {
        (void)disk().rename_new(aside, from);
        disk().unlink(aside);
        return false;
    }
    disk().unlink(aside);
    forget(sha1);
    return true;
}

}  // namespace kp2p
