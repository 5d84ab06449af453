#include "node/store/put_directory.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <vector>

#include "proto/file/sha1dir.hpp"

namespace kp2p {
namespace fs = std::filesystem;

namespace {

struct DirectoryId {
    dev_t device;
    ino_t inode;
    friend bool operator==(const DirectoryId&, const DirectoryId&) = default;
};

class Walk {
  public:
    Walk(Intake& intake, const PutOptions& options) : intake_(intake), options_(options) {}

    Result<proto::Sha1Dir> put(const fs::path& path) {
        if (auto entered = enter(path); !entered) return entered.error();
        proto::Sha1Dir dir;
        std::error_code error;
        fs::directory_iterator each(path, error);
        for (; !error && each != fs::directory_iterator(); each.increment(error))
            if (auto added = add(each->path(), dir); !added) return added.error();
        if (error) return blame(path, error);
        above_.pop_back();
        return dir;
    }

  private:
    Result<void> enter(const fs::path& path) {
        struct stat status;
        if (stat(path.c_str(), &status) != 0) return blame(path, system_error(errno));
        const DirectoryId id{status.st_dev, status.st_ino};
        const bool loops = std::find(above_.begin(), above_.end(), id) != above_.end();
        if (loops || above_.size() >= proto::max_sha1dir_depth)
            return blame(path, make_error_code(std::errc::too_many_symbolic_link_levels));
        above_.push_back(id);
        return ok;
    }

    Result<void> add(const fs::path& path, proto::Sha1Dir& dir) {
        const std::string name = path.filename().native();
        std::error_code error;
        const fs::file_status status = fs::status(path, error);
        if (status.type() != fs::file_type::regular && status.type() != fs::file_type::directory) {
            remark("left out " + path.native() + ": neither a file nor a directory");
            return ok;
        }
        if (!proto::is_entry_name(name))
            return blame(path, make_error_code(std::errc::illegal_byte_sequence));
        if (status.type() == fs::file_type::directory) {
            auto child = put(path);
            if (!child) return child.error();
            dir.dirs.emplace(name, std::move(*child));
            return ok;
        }
        auto file = intake_.put_file(path);
        if (!file) return blame(path, file.error());
        dir.files.emplace(name, proto::Sha1Dir::File{file->size_bytes, file->sha1});
        return ok;
    }

    std::error_code blame(const fs::path& path, std::error_code error) const {
        remark("cannot store " + path.native() + ": " + error.message());
        return error;
    }
    void remark(const std::string& sentence) const {
        if (options_.remark) options_.remark(sentence);
    }

    Intake& intake_;
    const PutOptions& options_;
    std::vector<DirectoryId> above_;  // the directories that we are in
};

}  // namespace

Result<proto::Uri> put_directory(const Layout& layout, const fs::path& directory,
                                 PutOptions options) {
    options.manifest = PutOptions::Manifest::never;
    Intake intake(layout, options);
    auto dir = Walk(intake, options).put(directory);
    if (!dir) return dir.error();
    auto sha1 = intake.put_bytes(as_bytes(dir->text()));
    if (!sha1) return sha1.error();
    if (auto done = intake.finish(); !done) return done.error();
    proto::Uri uri;
    uri.kind = proto::Uri::Kind::directory;
    uri.sha1 = *sha1;
    std::error_code ignored;
    uri.label = fs::canonical(directory, ignored).filename().native();
    return uri;
}

}  // namespace kp2p
