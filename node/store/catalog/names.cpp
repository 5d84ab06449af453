#include "node/store/catalog/names.hpp"

#include "node/store/directories.hpp"
#include "node/store/links_cache.hpp"

namespace kp2p {
namespace fs = std::filesystem;

Result<NamedContent> name_content(const Layout& layout, const Sha1& sha1, const std::string& name) {
    const fs::path content = layout.content(sha1);
    const auto file = File::open(content, File::Mode::read);
    if (!file) return file.error();
    const auto before = file->stamp();
    if (!before) return before.error();
    const fs::path directory = layout.names(sha1);
    const fs::path target = content.lexically_relative(directory);
    fs::path named = directory / name;
    const bool there = file->is_at(named) || disk().link_target(named) == target;
    file->protect();  // an older version has left it open to changes
    if (!there) {
        if (auto made = make_directories(layout, directory); !made) return made.error();
        int linked = disk().link(content, named);
        if (linked != 0 && disk().unlink(named) == 0) linked = disk().link(content, named);
        if (linked != 0 && disk().symbolic_link(target, named) != 0) return last_error();
    }
    const auto after = file->stamp();
    if (!after) return after.error();
    if (*after != *before)
        if (const auto known = load_links(layout.links_cache(sha1), *before))
            save_links(layout.links_cache(sha1), *after, *known);
    return NamedContent{named, *before, *after};
}

void remove_names(const Layout& layout, const Sha1& sha1) {
    const fs::path directory = layout.names(sha1);
    for (const std::string& name : disk().names(directory)) disk().unlink(directory / name);
    disk().remove_directory(directory);
}

}  // namespace kp2p
