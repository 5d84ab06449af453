#include "node/store/set_aside.hpp"

#include <cerrno>

#include "node/store/directories.hpp"

namespace kp2p {
namespace fs = std::filesystem;

namespace {

Result<FileStamp> stamp_at(const fs::path& path) {
    auto file = File::open(path, File::Mode::read);
    if (!file) return file.error();
    return file->stamp();
}

}  // namespace

Result<fs::path> set_aside(const Layout& layout, const Sha1& sha1) {
    const fs::path from = layout.content(sha1);
    const std::string name = sha1.hex() + "." + unique_name();
    const fs::path usual = layout.damaged() / name;
    if (make_directories(layout, layout.damaged()) && disk().rename(from, usual) == 0) return usual;
    fs::path beside = from.parent_path() / (name + ".damaged");
    if (disk().rename(from, beside) == 0) return beside;
    return storage_error(system_error(errno), from);
}

Result<fs::path> set_aside(const Layout& layout, const Sha1& sha1, const FileStamp& stamp) {
    const fs::path from = layout.content(sha1);
    const auto there = stamp_at(from);
    if (!there || *there != stamp) return Errc::not_found;
    auto to = set_aside(layout, sha1);
    if (!to) return to.error();
    const auto moved = stamp_at(*to);
    if (!moved || moved->inode == stamp.inode) return to;
    // Another process has put the file anew in that moment: it goes back, unless there is one
    // again.
    if (disk().link(*to, from) == 0) disk().unlink(*to);
    return Errc::not_found;
}

}  // namespace kp2p
