#include "node/store/put/place_content.hpp"

#include <algorithm>
#include <cerrno>

#include "node/store/directories.hpp"
#include "node/store/store_errc.hpp"
#include "node/store/temp_file.hpp"
#include "proto/file/sha1.hpp"

namespace kp2p {
namespace fs = std::filesystem;

namespace {

constexpr std::size_t compared_bytes = std::size_t{256} << 10;

enum class Other { same, collision, damaged };

// What is under the name already, against what is to come there.
Other compare(const File& there, const File& ours, const Sha1& sha1) {
    proto::Sha1Hasher hasher;
    const auto stamp = ours.stamp();
    const std::uint64_t largest = stamp ? stamp->size_bytes + 1 : compared_bytes;
    ByteVector block(std::min<std::uint64_t>(compared_bytes, largest)), our_block(block.size());
    bool same = true;
    for (std::uint64_t offset = 0;;) {
        auto size = there.read_at(offset, block);
        if (!size) return Other::damaged;
        const ByteView bytes = ByteView(block).first(*size);
        if (same) {
            auto our_size = ours.read_at(offset, our_block);
            same = our_size && std::ranges::equal(bytes, ByteView(our_block).first(*our_size));
        }
        if (*size == 0) break;
        hasher.update(bytes);
        offset += *size;
    }
    if (same) return Other::same;
    return hasher.finish() == sha1 ? Other::collision : Other::damaged;
}

// The uppermost directory of its file system that `directory` is in.
fs::path top_of_file_system(fs::path directory) {
    struct stat status, above;
    while (disk().status(directory, status) == 0 &&
           disk().status(directory.parent_path(), above) == 0 && status.st_dev == above.st_dev &&
           directory.has_relative_path())
        directory = directory.parent_path();
    return directory;
}

Result<Placed> place_elsewhere(const Layout& layout, const Content& content,
                               DirectoryMaker& maker) {
    const fs::path to = layout.content(content.sha1).parent_path();
    const fs::path top = top_of_file_system(to);
    TempFile::sweep(top);
    auto temp = TempFile::create_shared_in(top, &content.file);
    if (!temp) return temp.error();
    if (auto done = temp->file().copy_from(content.file, {}); !done) return done.error();
    if (auto done = temp->file().flush(); !done) return done.error();
    const Content copy{temp->path(), temp->file(), content.sha1};
    auto placed = place_content(layout, copy, maker);
    if (!placed) return placed.error();
    if (placed->anew) temp->renamed();
    placed->elsewhere = true;
    auto flushed = flush_directories(layout, to);
    if (flushed) return placed;
    displace_content(layout, content.sha1, *placed);
    return flushed.error();
}

}  // namespace

Result<Placed> place_content(const Layout& layout, const Content& content, DirectoryMaker& maker) {
    const fs::path to = layout.content(content.sha1);
    if (auto made = maker.make(to.parent_path()); !made) return made.error();
    content.file.protect();  // before anybody reads it, for whom it would be a change
    int renamed = disk().rename_new(content.from, to);
    if (renamed != 0 && errno == ENOENT) {  // somebody has removed the directory since
        maker.forget();
        if (auto made = maker.make(to.parent_path()); !made) return made.error();
        renamed = disk().rename_new(content.from, to);
    }
    if (renamed == 0) return Placed();
    if (errno == EXDEV) return place_elsewhere(layout, content, maker);
    if (errno != EEXIST) return last_error();
    if (const auto there = File::open(to, File::Mode::read); there && there->stamp()) {
        const Other other = compare(*there, content.file, content.sha1);
        if (other == Other::collision) return StoreErrc::collision;
        // Whoever put it there may have been killed before it was on the disk.
        const bool flushed = content.there == Content::There::leave || there->flush();
        if (other == Other::same && flushed) return Placed{.anew = false};
    }
    if (disk().rename(content.from, to) != 0) return last_error();
    return Placed();
}

void displace_content(const Layout& layout, const Sha1& sha1, const Placed& placed) {
    if (placed.anew) disk().unlink(layout.content(sha1));
}

}  // namespace kp2p
