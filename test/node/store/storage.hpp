// A storage in a temporary directory, and files beside it to be stored.
#pragma once

#include <doctest/doctest.h>
#include <fcntl.h>

#include <cerrno>

#include "node/store/disk/disk.hpp"
#include "node/store/store.hpp"
#include "test/files.hpp"
#include "test/temp_dir.hpp"

namespace kp2p::test {

inline constexpr std::size_t mib = proto::chunk_bytes;

struct Storage {
    TempDir directory;
    std::filesystem::path root = directory.path() / "storage", files = directory.path() / "files";
    Store store = open();
    Layout layout{root};

    Store open() const {
        std::filesystem::create_directories(root);
        std::filesystem::create_directories(files);
        return *Store::open(root);
    }
    std::filesystem::path file(const std::string& name, ByteView bytes) const {
        write_file(files / name, bytes);
        return files / name;
    }
    std::filesystem::path file(const std::string& name, std::string_view text) const {
        return file(name, as_bytes(text));
    }
    proto::Uri put(const std::filesystem::path& path,
                   const PutOptions& options = PutOptions()) const {
        auto uri = store.put(path, options);
        REQUIRE(uri);
        return *uri;
    }
};

// As the system is to who is not root: what is read-only is not opened to be written to.
class UsersDisk : public Disk {
    int open(const Path& path, int flags, unsigned rights) override {
        struct stat status;
        const bool to_read = (flags & O_ACCMODE) == O_RDONLY;
        if (to_read || link_status(path, status) != 0 || (status.st_mode & S_IWUSR))
            return Disk::open(path, flags, rights);
        errno = EACCES;
        return -1;
    }
};

}  // namespace kp2p::test
