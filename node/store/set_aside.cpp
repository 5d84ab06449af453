#include "node/store/set_aside.hpp"

#include <cerrno>

#include "node/store/directories.hpp"

namespace kp2p {
namespace fs = std::filesystem;

namespace {

constexpr std::string_view beside_suffix = ".damaged";

}  // namespace

Result<fs::path> set_aside(const Layout& layout, const Sha1& sha1) {
    const fs::path from = layout.content(sha1);
    const std::string name = sha1.hex() + "." + unique_name();
    const fs::path usual = layout.damaged() / name;
    if (make_directories(layout, layout.damaged()) && disk().rename(from, usual) == 0) return usual;
    fs::path beside = from.parent_path() / (name + std::string(beside_suffix));
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
    (void)disk().rename_new(*to, from);
    return Errc::not_found;
}

std::set<Sha1> all_set_aside(const Layout& layout) {
    std::set<Sha1> all;
    for (const std::string& name : disk().names(layout.damaged()))
        if (const auto sha1 = Sha1::from_hex(std::string_view(name).substr(0, name.find('.'))))
            all.insert(*sha1);
    return all;
}

fs::path set_aside_of(const Layout& layout, const Sha1& sha1) {
    const std::string begin = sha1.hex() + ".";
    for (const std::string& name : disk().names(layout.damaged()))
        if (name.starts_with(begin)) return layout.damaged() / name;
    const fs::path place = layout.content(sha1).parent_path();
    for (const std::string& name : disk().names(place))
        if (name.starts_with(begin) && name.ends_with(beside_suffix)) return place / name;
    return {};
}

}  // namespace kp2p
