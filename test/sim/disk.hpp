// SimDisk: file systems in memory, of the hosts of a simulated world, that can be killed, lose
// their power, fill up and fail. What was flushed survives a power cut: the content of a file by
// its flush(), a name by its directory's. Of what was not, the seed says what is there afterwards,
// name by name and block by block; a flush that failed leaves the content as if nobody had ever
// asked for it. No links, one user, and directories that somebody stores are not listed here.
//   SimDisk disk(clock, seed);  disk.make("/sim/3");  const DiskInstead in_use(disk);
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>

#include "node/store/disk/disk.hpp"
#include "test/sim/sim.hpp"

namespace kp2p::test {

class SimDisk final : public Disk {
  public:
    SimDisk(Clock& clock, std::uint64_t seed);

    // An empty directory, and those above it, durably: the root of a host's file system.
    void make(const Path& root);
    // Its host is dead: whatever is still to end there changes nothing, and each call fails.
    void stop(const Path& root);
    // While it is stopped: so its power was cut.
    void lose_unflushed(const Path& root);
    void go_on(const Path& root);
    // How much there can be; what is there already counts.
    void limit(const Path& root, std::uint64_t bytes);
    // Asked before each call: the errno with which it fails, or 0. A write that fails has written
    // some. Calls that change nothing: open, read, status, list.
    std::function<int(std::string_view call, const Path& path)> fault;
    ByteVector content(const Path& path) const;  // as a program sees it; empty if there is none

    int open(const Path& path, int flags, unsigned rights) override;
    int close(int fd) override;
    ssize_t read(int fd, std::span<std::uint8_t> into, std::uint64_t offset) override;
    ssize_t write(int fd, ByteView bytes, std::uint64_t offset) override;
    ssize_t write(int fd, ByteViews bytes, std::uint64_t offset) override {
        return write(fd, bytes.front(), offset);  // a system may take less than it was given
    }
    int resize(int fd, std::uint64_t size_bytes) override;
    int status(int fd, struct stat& into) override;
    int room(int fd, struct statvfs& into) override;
    int lock(int fd) override;
    int set_rights(int fd, unsigned rights) override;
    int flush(int fd) override;
    int flush_names(int fd) override;
    int flush_file_system(int fd) override;
    void begin_flush(int) override {}
    bool clone(platform::Pair) override { return false; }
    bool copy(platform::Pair, platform::Extent) override { return false; }
    std::uint64_t next_hole(int, std::uint64_t offset) override { return offset; }
    bool make_hole(int, platform::Extent) override { return false; }
    int status(const Path& path, struct stat& into) override;
    int link_status(const Path& path, struct stat& into) override { return status(path, into); }
    int check_writable(const Path& path) override;
    int make_directory(const Path& path, unsigned rights) override;
    int remove_directory(const Path& path) override;
    int set_rights(const Path& path, unsigned rights) override;
    int unlink(const Path& path) override;
    int rename(const Path& from, const Path& to) override;
    int rename_new(const Path& from, const Path& to) override;
    int link(const Path& path, const Path& name) override;
    int symbolic_link(const Path& target, const Path& name) override;
    Path link_target(const Path&) override { return {}; }
    void remove_all(const Path& path) override;
    std::vector<std::string> names(const Path& directory, std::error_code& error) override;
    std::chrono::system_clock::time_point now() override { return clock_.wall_now(); }

  private:
    static constexpr std::size_t block_bytes = 4096;
    struct Node;
    using NodeRef = std::shared_ptr<Node>;
    using Names = std::map<std::string, NodeRef>;
    struct Node {
        ino_t number = 0;
        bool directory = false;
        unsigned rights = 0;
        ByteVector now, durable;
        std::set<std::size_t> taken;    // blocks that take room
        std::set<std::size_t> unsaved;  // blocks that the next flush saves
        Names names, durable_names;
        std::chrono::nanoseconds modified{}, changed{};
        int locked_by = -1;
    };
    struct Open {
        NodeRef node;
        Path path;
    };
    struct Volume {
        bool stopped = false;
        std::optional<std::uint64_t> limit_bytes;
    };

    static bool is_below(const Path& path, const Path& root);
    NodeRef find(const Path& path) const;
    NodeRef new_node(bool directory, unsigned rights);
    std::optional<Open> opened(int fd) const;  // a copy: a fault may close it meanwhile
    Volume* volume_of(const Path& path);
    int check(std::string_view call, const Path& path);  // 0, or -1 and errno
    int add_name(const Path& path, NodeRef node);
    void touch(Node& node);
    void describe(const Node& node, struct stat& into) const;
    void flush_all(const NodeRef& node);
    std::vector<NodeRef> all_below(const NodeRef& root) const;  // by number
    std::uint64_t used_bytes(const Path& root) const;
    void lose(Node& node);
    bool toss() { return random_() & 1; }

    Clock& clock_;
    std::mt19937_64 random_;
    ino_t numbers_ = 0;
    int descriptors_ = 1 << 20;  // unlike any of the system's
    NodeRef root_;
    std::map<Path, Volume> volumes_;
    std::map<int, Open> open_;
};

}  // namespace kp2p::test
