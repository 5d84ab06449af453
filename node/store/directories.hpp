// Directories: making them, as shared as layout.hpp says, and names that are on the disk. What root
// makes in a directory of another user is that user's, who could do nothing with it otherwise.
#pragma once

#include <sys/stat.h>

#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "node/store/file.hpp"
#include "node/store/layout.hpp"

namespace kp2p {

// What holds `path`: "." for a bare name.
std::filesystem::path directory_of(const std::filesystem::path& path);

// Makes directories of the storage, and those above them. Never the storage itself, nor anything in
// another directory that has come to be in its place: std::errc::no_such_file_or_directory. What
// one has made or seen it does not look at again: it is for one piece of work.
class DirectoryMaker {
  public:
    explicit DirectoryMaker(const Layout& layout) : layout_(layout) {}
    Result<void> make(const std::filesystem::path& directory);
    void forget() { known_.clear(); }  // looks at all of them again
    // open_shared() in one that is there.
    Result<File> open(const std::filesystem::path& path, File::Mode mode,
                      const File* source = nullptr);

  private:
    static constexpr std::size_t max_known = 4096;
    // Of one that is there: its mode and owner.
    Result<struct stat> kind_of(const std::filesystem::path& directory);
    Result<void> make_checked(const std::filesystem::path& directory);
    Result<void> make_as_above(const std::filesystem::path& directory);

    const Layout& layout_;
    std::map<std::string, std::optional<struct stat>> known_;  // as far as they were seen
};
Result<void> make_directories(const Layout& layout, const std::filesystem::path& directory);
// For its owner alone, in one that is there, durably; or not at all.
Result<void> make_directory_durably(const std::filesystem::path& directory);

// An error of the storage where its directory is not there, or where an empty one has come to be in
// its place, as when it was unmounted: nothing can be told of what it had.
Result<void> check_storage(const Layout& layout);

// The rights of a file that is made in a directory of the storage, for those who may read `source`
// if there is one.
unsigned rights_in(const std::filesystem::path& directory, const File* source = nullptr);
// Makes or opens a file of the storage with such rights.
Result<File> open_shared(const std::filesystem::path& path, File::Mode mode,
                         const File* source = nullptr);
// What was opened without these.
void give_to_owner_of(const std::filesystem::path& directory, const File& made);

// The names in a directory are on the disk.
Result<void> flush_directory(const std::filesystem::path& directory);
// And that of the directory, and so on up to the storage, whose own name may be new as well.
Result<void> flush_directories(const Layout& layout, std::filesystem::path directory);

struct Renaming {
    const std::filesystem::path& from;
    const std::filesystem::path& to;
};
// The new name is on the disk; after a failure of that, there is none if there was none before.
Result<void> rename_durably(Renaming names);

}  // namespace kp2p
