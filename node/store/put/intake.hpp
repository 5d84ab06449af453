// Intake: files on their way into the storage. Shape: put_file() and put_bytes() any number of
// times, then finish(); only then is all of it stored. Errors as Store's; StoreErrc::changed for a
// file that changes meanwhile, StoreErrc::made_up for what has no size of its own,
// StoreErrc::no_text for a path that a link could not hold, StoreErrc::collision for one whose
// SHA-1 is that of other bytes in the storage, Errc::sha1_collision for one that is part of an
// attack on SHA-1.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>

#include "node/store/directories.hpp"
#include "node/store/layout.hpp"
#include "node/store/put/hash_file.hpp"
#include "node/store/put/publisher.hpp"

namespace kp2p {

struct PutOptions {
    enum class Content { copy, link };        // link: leave the content where it is
    enum class Manifest { if_large, never };  // if_large: above 20 MB, as kachery does
    enum class Origin { user, others };       // others: it was loaded (catalog/marks.hpp)
    Content content = Content::copy;
    Manifest manifest = Manifest::if_large;
    Origin origin = Origin::user;
    std::string name = {};  // in the URI, instead of the file's or directory's own
    // Of a directory: what is left out, by name or, with a "/", by its path in the directory
    // (fnmatch(3)); and whether a link that leads out of it counts as what it points to as well.
    std::vector<std::string> exclude = {};
    bool follow = false;
    std::stop_token stop;  // ends it early, with Errc::canceled
    // Gets a sentence about each thing in a directory that was left out.
    std::function<void(const std::string&)> remark;
    // Is told what in a directory it was that failed, before the error is returned.
    std::function<void(const std::filesystem::path&)> blame = {};
    // Is told of bytes that were hashed just now, of the file at `path`.
    std::function<void(const std::filesystem::path& path, std::size_t bytes)> progress = {};
};

class Intake {
  public:
    enum class Files { few, many };  // many: written in one directory of their own
    Intake(const Layout& layout, const PutOptions& options, Files files = Files::few)
        : layout_(layout),
          options_(options),
          files_(files),
          maker_(layout),
          publisher_(layout, maker_) {}

    struct Put {
        Sha1 sha1;
        std::uint64_t size_bytes = 0;
        std::optional<Sha1> manifest;  // stored, with the lists of pieces that it names
    };
    Result<Put> put_file(const std::filesystem::path& path);  // a regular file
    // For those who may read `source`, if there is one: a file, or a directory that it describes.
    Result<Sha1> put_bytes(ByteView bytes, const File* source = nullptr);
    struct NamedBytes {  // by proto::sha1_to_name()
        const Sha1& sha1;
        ByteView bytes;
    };
    Result<void> put_named(const NamedBytes& named, const File* source = nullptr);
    // A file that the caller writes, and hashes as it does, in two steps.
    Result<TempFile> begin_file() { return temp_file(nullptr); }
    Result<Put> put_written(TempFile file, const HashedFile& hashed, const File* source = nullptr);
    Result<void> finish();
    DirectoryMaker& maker() { return maker_; }

  private:
    struct Copied {
        TempFile temp;
        HashedFile hashed;
    };
    Result<Put> copy(const File& source);
    Result<Copied> copied(const File& source);
    Result<Put> link(const std::filesystem::path& path, const File& source);
    Result<ManifestWish> wish(const File& source) const;
    Result<Put> describe(const HashedFile& hashed, const File* source);
    Result<TempFile> temp_file(const File* source);
    Result<TempFile> written(ByteView bytes, const File* source);
    void own(const Sha1& sha1);

    const Layout& layout_;
    const PutOptions& options_;
    Files files_;
    DirectoryMaker maker_;
    std::optional<TempFolder> folder_;  // outlives what the publisher has in it
    Publisher publisher_;
    HashProgress progress_;  // of the file that is being put
    std::vector<Sha1> put_;  // since the last finish()
};

}  // namespace kp2p
