#include "node/store/catalog/marks.hpp"

#include "node/store/catalog/records.hpp"
#include "node/store/directories.hpp"

namespace kp2p {
namespace fs = std::filesystem;

namespace {

ByteView a_mark() { return as_bytes("\n"); }

}  // namespace

void mark_loaded(const Layout& layout, const Sha1& sha1, DirectoryMaker& maker) {
    const auto record = read_record(layout.record(sha1));
    if (record && record->kind != Record::Kind::loaded) return;
    const fs::path path = layout.loaded(sha1);
    if (!maker.make(path.parent_path())) return;
    auto mark = maker.open(path, File::Mode::create);
    if (!mark && mark.error() == std::errc::no_such_file_or_directory) {  // it was removed since
        maker.forget();
        if (maker.make(path.parent_path())) mark = maker.open(path, File::Mode::create);
    }
    if (!mark && mark.error() == std::errc::file_exists) note_use(layout, sha1);
}

void unmark_loaded(const Layout& layout, const Sha1& sha1) {
    const fs::path path = layout.loaded(sha1);
    if (disk().unlink(path) == 0) (void)flush_directory(path.parent_path());
}

bool is_marked_loaded(const Layout& layout, const Sha1& sha1) {
    struct stat status;
    return disk().link_status(layout.loaded(sha1), status) == 0;
}

void note_use(const Layout& layout, const Sha1& sha1) {
    const auto mark = File::open(layout.loaded(sha1), File::Mode::change);
    if (mark) (void)mark->write_at(0, a_mark());
}

std::map<Sha1, std::int64_t> loaded_marks(const Layout& layout, Unread* unread) {
    std::map<Sha1, std::int64_t> used_ns;
    for (const Sha1& sha1 : hashes_in(layout.loaded(), unread)) {
        struct stat status;
        if (disk().link_status(layout.loaded(sha1), status) == 0 && S_ISREG(status.st_mode))
            used_ns.emplace(sha1, platform::modified_ns(status));
    }
    return used_ns;
}

std::vector<Sha1> hashes_in(const fs::path& directory, Unread* unread) {
    std::vector<Sha1> hashes;
    for (const std::string& part : names_in(directory, unread))
        for (const std::string& name : names_in(directory / part, unread))
            if (const auto sha1 = Sha1::from_hex(name)) hashes.push_back(*sha1);
    return hashes;
}

}  // namespace kp2p
