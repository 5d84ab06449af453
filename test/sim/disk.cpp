#include "test/sim/disk.hpp"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace kp2p::test {
namespace {

int fail(int error) {
    errno = error;
    return -1;
}

}  // namespace

SimDisk::SimDisk(Clock& clock, std::uint64_t seed)
    : clock_(clock), random_(seed), root_(new_node(true, 0755)) {}

SimDisk::NodeRef SimDisk::new_node(bool directory, unsigned rights) {
    auto node = std::make_shared<Node>();
    node->number = ++numbers_;
    node->directory = directory;
    node->rights = rights;
    touch(*node);
    return node;
}

SimDisk::NodeRef SimDisk::find(const Path& path) const {
    NodeRef node = root_;
    for (const Path& part : path.relative_path()) {
        if (!node->directory) return nullptr;
        const auto found = node->names.find(part.native());
        if (found == node->names.end()) return nullptr;
        node = found->second;
    }
    return node;
}

SimDisk::Volume* SimDisk::volume_of(const Path& path) {
    for (auto& [root, volume] : volumes_)
        if (is_below(path, root)) return &volume;
    return nullptr;
}

std::optional<SimDisk::Open> SimDisk::opened(int fd) const {
    const auto found = open_.find(fd);
    if (found != open_.end()) return found->second;
    return errno = EIO, std::nullopt;  // of a process that is no more
}

int SimDisk::check(std::string_view call, const Path& path) {
    const Volume* volume = volume_of(path);
    if (volume && volume->stopped) return fail(EIO);
    const int error = fault ? fault(call, path) : 0;
    if (volume && volume->stopped) return fail(EIO);  // by the fault
    return error == 0 ? 0 : fail(error);
}

void SimDisk::touch(Node& node) {
    node.modified = node.changed = clock_.wall_now().time_since_epoch();
}

int SimDisk::open(const Path& path, int flags, unsigned rights) {
    if (check(flags & O_CREAT ? "create" : "open", path) != 0) return -1;
    NodeRef node = find(path);
    if (node && flags & O_EXCL) return fail(EEXIST);
    if (!node && !(flags & O_CREAT)) return fail(ENOENT);
    if (node && node->directory && (flags & O_ACCMODE) != O_RDONLY) return fail(EISDIR);
    if (!node) {
        node = new_node(false, rights);
        if (add_name(path, node) != 0) return -1;
    }
    open_[++descriptors_] = {std::move(node), path};
    return descriptors_;
}

int SimDisk::close(int fd) {
    const auto found = open_.find(fd);
    if (found == open_.end()) return 0;
    if (found->second.node->locked_by == fd) found->second.node->locked_by = -1;
    open_.erase(found);
    return 0;
}

ssize_t SimDisk::read(int fd, std::span<std::uint8_t> into, std::uint64_t offset) {
    const auto file = opened(fd);
    if (!file || check("read", file->path) != 0) return -1;
    if (file->node->directory) return fail(EISDIR);
    const ByteView bytes(file->node->now);
    if (offset >= bytes.size()) return 0;
    const ByteView part =
        bytes.subspan(static_cast<std::size_t>(offset))
            .first(std::min(into.size(), bytes.size() - static_cast<std::size_t>(offset)));
    std::ranges::copy(part, into.begin());
    return static_cast<ssize_t>(part.size());
}

ssize_t SimDisk::write(int fd, ByteView bytes, std::uint64_t offset) {
    const auto file = opened(fd);
    if (!file) return -1;
    const int failed = check("write", file->path);
    const int error = errno;
    const Volume* volume = volume_of(file->path);
    if (!volume || volume->stopped) return fail(EIO);
    if (failed != 0) bytes = bytes.first(bytes.size() / 2);
    Node& node = *file->node;
    std::set<std::size_t> blocks;
    const auto at = static_cast<std::size_t>(offset);
    for (std::size_t byte = at; byte < at + bytes.size();
         byte = (byte / block_bytes + 1) * block_bytes)
        blocks.insert(byte / block_bytes);
    if (volume->limit_bytes) {
        std::uint64_t more = 0;
        for (const std::size_t block : blocks) more += node.taken.contains(block) ? 0 : block_bytes;
        const auto root = std::ranges::find_if(
            volumes_, [volume](const auto& each) { return &each.second == volume; });
        if (more > 0 && used_bytes(root->first) + more > *volume->limit_bytes) return fail(ENOSPC);
    }
    if (node.now.size() < at + bytes.size()) node.now.resize(at + bytes.size());
    std::ranges::copy(bytes, node.now.begin() + static_cast<std::ptrdiff_t>(at));
    node.taken.insert(blocks.begin(), blocks.end());
    node.unsaved.insert(blocks.begin(), blocks.end());
    touch(node);
    return failed != 0 ? fail(error) : static_cast<ssize_t>(bytes.size());
}

int SimDisk::resize(int fd, std::uint64_t size_bytes) {
    const auto file = opened(fd);
    if (!file || check("resize", file->path) != 0) return -1;
    Node& node = *file->node;
    node.now.resize(static_cast<std::size_t>(size_bytes));
    node.taken.erase(node.taken.lower_bound((node.now.size() + block_bytes - 1) / block_bytes),
                     node.taken.end());
    touch(node);
    return 0;
}

void SimDisk::describe(const Node& node, struct stat& into) const {
    into = {};
    into.st_dev = 1;
    into.st_ino = node.number;
    into.st_mode = (node.directory ? S_IFDIR : S_IFREG) | node.rights;
    into.st_size = static_cast<off_t>(node.now.size());
    into.st_blocks = static_cast<blkcnt_t>(node.taken.size() * block_bytes / 512);
    const auto set = [](timespec& at, std::chrono::nanoseconds time) {
        at.tv_sec = time.count() / 1'000'000'000;
        at.tv_nsec = time.count() % 1'000'000'000;
    };
    set(into.st_mtim, node.modified);
    set(into.st_ctim, node.changed);
}

int SimDisk::status(int fd, struct stat& into) {
    const auto file = opened(fd);
    if (!file) return -1;
    return describe(*file->node, into), 0;
}

int SimDisk::status(const Path& path, struct stat& into) {
    if (check("status", path) != 0) return -1;
    const NodeRef node = find(path);
    if (!node) return fail(ENOENT);
    return describe(*node, into), 0;
}

int SimDisk::room(int fd, struct statvfs& into) {
    const auto file = opened(fd);
    if (!file) return -1;
    into = {};
    for (const auto& [root, volume] : volumes_) {
        if (!is_below(file->path, root) || !volume.limit_bytes) continue;
        const std::uint64_t used = used_bytes(root);
        into.f_frsize = block_bytes;
        into.f_blocks = *volume.limit_bytes / block_bytes + 1;
        into.f_bavail = (*volume.limit_bytes - std::min(used, *volume.limit_bytes)) / block_bytes;
    }
    return 0;
}

int SimDisk::lock(int fd) {
    const auto file = opened(fd);
    if (!file) return -1;
    if (file->node->locked_by >= 0 && file->node->locked_by != fd) return fail(EWOULDBLOCK);
    file->node->locked_by = fd;
    return 0;
}

int SimDisk::set_rights(int fd, unsigned rights) {
    const auto file = opened(fd);
    if (!file || check("set rights", file->path) != 0) return -1;
    file->node->rights = rights;
    return 0;
}

int SimDisk::set_rights(const Path& path, unsigned rights) {
    if (check("set rights", path) != 0) return -1;
    const NodeRef node = find(path);
    if (!node) return fail(ENOENT);
    node->rights = rights;
    return 0;
}

int SimDisk::flush(int fd) {
    const auto file = opened(fd);
    if (!file) return -1;
    Node& node = *file->node;
    const auto unsaved = std::exchange(node.unsaved, {});
    if (check("flush", file->path) != 0) return -1;
    node.durable.resize(node.now.size());
    for (const std::size_t block : unsaved) {
        const std::size_t at = block * block_bytes;
        if (at >= node.now.size()) continue;
        const std::size_t size = std::min(block_bytes, node.now.size() - at);
        std::copy_n(&node.now[at], size, &node.durable[at]);
    }
    return 0;
}

int SimDisk::flush_names(int fd) {
    const auto file = opened(fd);
    if (!file || check("flush names", file->path) != 0) return -1;
    file->node->durable_names = file->node->names;
    return 0;
}

int SimDisk::flush_file_system(int fd) {
    const auto file = opened(fd);
    if (!file || check("flush file system", file->path) != 0) return -1;
    for (const auto& [root, volume] : volumes_)
        if (is_below(file->path, root)) flush_all(find(root));
    return 0;
}

void SimDisk::flush_all(const NodeRef& root) {
    for (const NodeRef& node : all_below(root)) {
        node->durable = node->now;
        node->unsaved.clear();
        node->durable_names = node->names;
    }
}

int SimDisk::check_writable(const Path& path) {
    if (check("status", path) != 0) return -1;
    return find(path) ? 0 : fail(ENOENT);
}

int SimDisk::add_name(const Path& path, NodeRef node) {
    const NodeRef above = find(path.parent_path());
    if (!above || !above->directory) return fail(above ? ENOTDIR : ENOENT);
    touch(*above);
    node->changed = above->changed;
    above->names[path.filename().native()] = std::move(node);
    return 0;
}

int SimDisk::make_directory(const Path& path, unsigned rights) {
    if (check("make directory", path) != 0) return -1;
    if (find(path)) return fail(EEXIST);
    return add_name(path, new_node(true, rights));
}

int SimDisk::remove_directory(const Path& path) {
    if (check("remove", path) != 0) return -1;
    const NodeRef node = find(path);
    if (!node || !node->directory) return fail(node ? ENOTDIR : ENOENT);
    if (!node->names.empty()) return fail(ENOTEMPTY);
    return find(path.parent_path())->names.erase(path.filename().native()), 0;
}

int SimDisk::unlink(const Path& path) {
    if (check("remove", path) != 0) return -1;
    const NodeRef node = find(path);
    if (!node || node->directory) return fail(node ? EISDIR : ENOENT);
    return find(path.parent_path())->names.erase(path.filename().native()), 0;
}

int SimDisk::rename(const Path& from, const Path& to) {
    if (check("rename", from) != 0) return -1;
    const NodeRef node = find(from), there = find(to);
    if (!node) return fail(ENOENT);
    if (there && there->directory) return fail(EISDIR);
    if (add_name(to, node) != 0) return -1;
    if (from != to) find(from.parent_path())->names.erase(from.filename().native());
    return 0;
}

int SimDisk::rename_new(const Path& from, const Path& to) {
    if (find(to) && check("rename", from) == 0) return fail(EEXIST);
    return rename(from, to);
}

int SimDisk::link(const Path& path, const Path& name) {
    if (check("link", path) != 0) return -1;
    const NodeRef node = find(path);
    if (!node || find(name)) return fail(node ? EEXIST : ENOENT);
    return add_name(name, node);
}

int SimDisk::symbolic_link(const Path&, const Path&) { return fail(EPERM); }

void SimDisk::remove_all(const Path& path) {
    if (check("remove", path) != 0) return;
    if (const NodeRef above = find(path.parent_path()))
        above->names.erase(path.filename().native());
}

std::vector<std::string> SimDisk::names(const Path& directory, std::error_code& error) {
    std::vector<std::string> names;
    const NodeRef node = find(directory);
    if (!node) error = std::make_error_code(std::errc::no_such_file_or_directory);
    if (node && check("list", directory) != 0) error = {errno, std::generic_category()};
    if (error) return names;
    for (const auto& [name, child] : node->names) names.push_back(name);
    return names;
}

}  // namespace kp2p::test
