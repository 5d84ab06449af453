// TempFile: a file under construction: gone with this object, unless it was renamed into place.
// Its name is 16 hex digits (unique_name()), "." and the boot tag (platform.hpp) where there is
// one, and
// ".kp2p-temp". Whoever makes one holds a lock on it, so that a sweep can tell what a killed
// process left.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "node/store/file.hpp"

namespace kp2p {

class DirectoryMaker;

class TempFile {
  public:
    static constexpr std::string_view suffix = ".kp2p-temp";
    static std::string new_name();

    static Result<TempFile> create_in(const std::filesystem::path& directory,
                                      File::Mode mode = File::Mode::create);
    // In the storage, as open_shared() does.
    static Result<TempFile> create_shared_in(const std::filesystem::path& directory,
                                             const File* source = nullptr);
    static Result<TempFile> create_shared_in(const std::filesystem::path& directory,
                                             DirectoryMaker& maker);
    TempFile(TempFile&& other) noexcept;
    TempFile& operator=(TempFile&&) = delete;
    ~TempFile();

    const File& file() const { return file_; }
    const std::filesystem::path& path() const { return path_; }
    // Gives it its final name, over a file that has it.
    enum class Durability { flush, none };  // flush: content and name are on the disk afterwards
    Result<void> publish(const std::filesystem::path& final_path, Durability durability);
    void renamed() { path_.clear(); }  // by somebody else

    // Removes the files and directories under construction that killed writers left in `directory`.
    static void sweep(const std::filesystem::path& directory);

  private:
    friend class TempFolder;
    TempFile(std::filesystem::path path, File file)
        : path_(std::move(path)), file_(std::move(file)) {}
    template <class Open>
    static Result<TempFile> create(const std::filesystem::path& directory, Open open);

    std::filesystem::path path_;  // empty: nothing to remove
    File file_;
};

// A directory for files under construction, with one lock for all of them. It goes with this
// object, after them.
class TempFolder {
  public:
    static Result<TempFolder> create_in(const std::filesystem::path& directory,
                                        DirectoryMaker& maker);
    TempFolder(TempFolder&& other) noexcept;
    TempFolder& operator=(TempFolder&&) = delete;
    ~TempFolder();
    Result<TempFile> create(DirectoryMaker& maker, const File* source = nullptr);

  private:
    explicit TempFolder(std::filesystem::path path) : path_(std::move(path)) {}
    std::filesystem::path path_;  // empty: nothing to remove
    File lock_;
    std::uint64_t created_ = 0;
};

// The lock of a file or directory that surely has no writer: where locks are seen to work, and it
// is of this boot of this machine or its name does not say, the lock decides. Else, as on a network
// file system whose locks hold on one machine only or not at all, that it was long left alone.
// Symbolic links and what is neither file nor directory are nobody's.
std::optional<File> take_abandoned(const std::filesystem::path& path);

}  // namespace kp2p
