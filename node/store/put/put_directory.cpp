#include "node/store/put/put_directory.hpp"

#include <fnmatch.h>
#include <sys/stat.h>

#include <algorithm>
#include <vector>

#include "node/store/store_errc.hpp"
#include "proto/file/sha1dir.hpp"

namespace kp2p {
namespace fs = std::filesystem;

namespace {

struct DirectoryId {
    dev_t device;
    ino_t inode;
    friend bool operator==(const DirectoryId&, const DirectoryId&) = default;
};

// Read to its end before anything below it is opened, lest a deep tree take all descriptors.
Result<std::vector<fs::path>> entries_of(const fs::path& directory) {
    std::vector<fs::path> entries;
    std::error_code error;
    fs::directory_iterator each(directory, error);
    for (; !error && each != fs::directory_iterator(); each.increment(error))
        entries.push_back(each->path());
    if (error) return error;
    return entries;
}

// Of an entry; it was a directory, perhaps.
bool is_gone(std::error_code error) {
    return error == std::errc::no_such_file_or_directory || error == std::errc::not_a_directory;
}

// Why a directory is never given to others, with whatever it is in; no error if it may be.
std::error_code never_shared(const fs::path& directory, const Layout& layout) {
    std::error_code none;
    const auto has = [&](const char* name) { return fs::is_regular_file(directory / name, none); };
    if (has("key") && has("api-token")) return StoreErrc::secrets;
    if (fs::equivalent(directory, layout.root(), none)) return StoreErrc::itself;
    return {};
}

class Walk {
  public:
    // `root` is `top`, canonical.
    Walk(Intake& intake, const Layout& layout, const PutOptions& options, const fs::path& top,
         const fs::path& root)
        : intake_(intake), layout_(layout), options_(options), top_(top), root_(root) {}

    Result<proto::Sha1Dir> put(const fs::path& path) {
        struct stat status;
        if (stat(path.c_str(), &status) != 0) return blame(path, system_error(errno));
        proto::Sha1Dir dir;
        const auto entries = entries_of(path);
        if (!entries) return blame(path, entries.error());
        above_.push_back({status.st_dev, status.st_ino});
        for (const fs::path& entry : *entries)
            if (auto added = add(entry, dir); !added) return added.error();
        above_.pop_back();
        return dir;
    }

  private:
    Result<void> add(const fs::path& path, proto::Sha1Dir& dir) {
        const std::string name = path.filename().native();
        if (is_excluded(path)) return ok;
        struct stat status;
        const int failed = stat(path.c_str(), &status) == 0 ? 0 : errno;
        const bool there = failed == 0;
        if (const std::string why = why_not(path, there ? &status : nullptr); !why.empty())
            return leave_out(path, why);
        if (!there) return leave_out_if_gone(path, blame(path, system_error(failed)));
        if (S_ISDIR(status.st_mode)) {
            auto child = put(path);
            if (!child) return leave_out_if_gone(path, child.error());
            dir.dirs.emplace(name, std::move(*child));
            return ok;
        }
        auto file = intake_.put_file(path);
        if (!file) return leave_out_if_gone(path, blame(path, file.error()));
        dir.files.emplace(name, proto::Sha1Dir::File{file->size_bytes, file->sha1});
        return ok;
    }

    Result<void> leave_out(const fs::path& path, const std::string& why) const {
        if (options_.remark) options_.remark("left out " + path.native() + ": " + why);
        return ok;
    }
    // It may go at any time, and others may come to have its name.
    Result<void> leave_out_if_gone(const fs::path& path, std::error_code error) const {
        if (is_gone(error)) return leave_out(path, "it is gone");
        return error;
    }

    // Why the entry cannot be part of the directory; empty if nothing is known against it.
    // `status` is of what it is or points to, null if that cannot be told.
    std::string why_not(const fs::path& path, const struct stat* status) const {
        std::error_code error;
        if (!proto::is_entry_name(path.filename().native())) return "its name is no UTF-8";
        const fs::file_status own = fs::symlink_status(path, error);
        if (!fs::exists(own)) return error ? "" : "it is gone";
        if (fs::is_symlink(own)) {
            const fs::path target = fs::canonical(path, error);
            if (error) return "the link cannot be followed: " + error.message();
            if (!options_.follow && !is_inside(target))
                return "it is a link to " + target.native() + ", outside";
        }
        if (!status || S_ISREG(status->st_mode)) return {};
        if (!S_ISDIR(status->st_mode)) return "neither a file nor a directory";
        if (above_.size() >= proto::max_sha1dir_depth) return "it is too deep";
        const DirectoryId id{status->st_dev, status->st_ino};
        const bool loops = std::find(above_.begin(), above_.end(), id) != above_.end();
        if (loops) return "it is a link to a directory that it is in";
        const std::error_code never = never_shared(path, layout_);
        return never ? never.message() : "";
    }

    bool is_excluded(const fs::path& path) const {
        return std::ranges::any_of(options_.exclude, [&](const std::string& pattern) {
            const bool whole = pattern.find('/') != pattern.npos;
            const fs::path shown = whole ? path.lexically_relative(top_) : path.filename();
            return ::fnmatch(pattern.c_str(), shown.c_str(), whole ? FNM_PATHNAME : 0) == 0;
        });
    }

    bool is_inside(const fs::path& canonical) const {
        return std::mismatch(root_.begin(), root_.end(), canonical.begin(), canonical.end())
                   .first == root_.end();
    }

    std::error_code blame(const fs::path& path, std::error_code error) const {
        // It is not to blame for a full storage.
        const bool blamed = !is_storage_error(error) && error != Errc::canceled && !is_gone(error);
        if (options_.blame && blamed) options_.blame(path);
        return error;
    }

    Intake& intake_;
    const Layout& layout_;
    const PutOptions& options_;
    const fs::path& top_;
    const fs::path& root_;
    std::vector<DirectoryId> above_;  // the directories that we are in
};

}  // namespace

Result<proto::Uri> put_directory(const Layout& layout, const fs::path& directory,
                                 PutOptions options) {
    options.manifest = PutOptions::Manifest::never;
    std::error_code error;
    const fs::path root = fs::canonical(directory, error);
    if (error) return error;
    if (const std::error_code never = never_shared(root, layout)) return never;
    Intake intake(layout, options, Intake::Files::many);
    auto dir = Walk(intake, layout, options, directory, root).put(directory);
    if (!dir) return dir.error();
    const auto listed = File::open(directory, File::Mode::read);  // for its rights
    auto sha1 = intake.put_bytes(as_bytes(dir->text()), listed ? &*listed : nullptr);
    if (!sha1) return sha1.error();
    if (auto done = intake.finish(); !done) return done.error();
    proto::Uri uri;
    uri.kind = proto::Uri::Kind::directory;
    uri.sha1 = *sha1;
    uri.label = options.name.empty() ? root.filename().native() : options.name;
    return uri;
}

}  // namespace kp2p
