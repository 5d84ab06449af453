// Store: the storage directory, as kachery lays it out (layout.hpp). Puts files in, finds them, and
// reads them with their proofs.
//
// Blocking: run it through offload(). From several threads at once, and several processes may use
// one directory at once: what is seen under a hash is whole, durable, and was hashed as it was
// written. Killed at any point, it loses nothing that it has said is stored.
// Errors: Errc::out_of_space; Errc::storage_unavailable (the directory is missing, read-only, ...);
// for a file of the user's own the system's code (no such file, permission denied, ...),
// StoreErrc::changed or StoreErrc::collision.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <vector>

#include "node/store/catalog/catalog.hpp"
#include "node/store/catalog/quota.hpp"
#include "node/store/chunks.hpp"
#include "node/store/layout.hpp"
#include "node/store/link_file.hpp"
#include "node/store/partial.hpp"
#include "node/store/partial_names.hpp"
#include "node/store/put/intake.hpp"
#include "node/store/sweep.hpp"
#include "node/store/verdicts.hpp"
#include "proto/file/sha1dir.hpp"
#include "proto/file/uri.hpp"

namespace kp2p {

class Upload;

// What the storage itself has of a file, whatever lies elsewhere.
struct Located {
    Result<StoredFile> stored = Errc::not_found;
    Result<LinkFile> link = Errc::not_found;  // looked for where it is not stored
    std::string why;                          // of a link that says nothing
    bool is_place_empty = false;              // nothing at all is where the content would be
    // The linked file, on a file system that may hang.
    const std::filesystem::path* elsewhere() const {
        return !stored && stored.error() == Errc::not_found && link ? &link->path : nullptr;
    }
};

class Store {
  public:
    // Whether this process waits until what it stores is on the disk, in all storages from now on.
    enum class Flush { always, never };
    // `root` must be a directory. One that cannot be written to can still be read.
    static Result<Store> open(const std::filesystem::path& root, Flush flush = Flush::always);
    const std::filesystem::path& root() const { return layout_.root(); }

    // Errc::not_found if it is neither stored nor linked, or was found wrong, or the linked file
    // has changed since: then `why` gets a sentence. Errc::storage_unavailable if that cannot be
    // told. Cheap: what is there need not be right yet.
    Result<StoredFile> find(const Sha1& sha1, std::string& why) const;
    Result<StoredFile> find(const Sha1& sha1) const;
    // The same in two steps, of which the first touches only the storage.
    Located locate(const Sha1& sha1) const;
    Result<StoredFile> find(const Sha1& sha1, const Located& located, std::string& why) const;
    // Whether what is not found is not here: an error of the storage where that cannot be told.
    Result<void> check() const;
    // Of what is not here: a sentence if it was, and was found wrong; else empty.
    std::string past_of(const Sha1& sha1) const;
    // Where the content of a stored file lies.
    std::filesystem::path place_of(const Sha1& sha1) const { return layout_.content(sha1); }
    // Whether a file that was found has been hashed since it last changed.
    bool is_checked(const Sha1& sha1, const StoredFile& file) const;
    // Whether its size is another than when it was hashed.
    bool is_resized(const Sha1& sha1, const StoredFile& file) const;
    // Errors as find().
    using Links = WholeChunks::Links;
    Result<std::unique_ptr<WholeChunks>> open_chunks(const Sha1& sha1, Links links) const;
    Result<std::unique_ptr<WholeChunks>> open_chunks(const Sha1& sha1) const {
        return open_chunks(sha1, Links::kept);
    }
    // Of one that was found just now.
    std::unique_ptr<WholeChunks> open_chunks(const Sha1& sha1, StoredFile file, Links links) const;
    // Remembers how `chunks` were prepared to their end, ready or with `failure`. What is wrong is
    // set aside, unless it is linked; what is wrong or cannot be read counts as not here. A
    // sentence about it; empty if all is well.
    std::string settle(const WholeChunks& chunks, std::error_code failure) const;
    // Sets aside what lies in the place of a file that is not here, such as a directory. The same.
    std::string clear_place(const Sha1& sha1) const;
    // What could not be read may be read once more.
    void retry_unreadable(const Sha1& sha1) const;
    // A whole file that was hashed just now; std::errc::file_too_large above `max_bytes`,
    // proto::Errc::wrong_hash when it is another, std::errc::io_error when the disk does not give
    // it.
    Result<ByteVector> read(const Sha1& sha1, std::size_t max_bytes) const;
    // What lies in the storage itself, in fewer steps than the above take; nothing where it takes
    // them to tell: it is linked, larger, not what its name says, or cannot be read.
    std::optional<ByteVector> read_small(const Sha1& sha1, std::size_t max_bytes) const;

    // A file, or with all that is in it, links followed, a directory.
    Result<proto::Uri> put(const std::filesystem::path& path, const PutOptions& options) const;
    Result<Sha1> put_bytes(ByteView bytes) const;
    // What came from others, several at the price of one flush. Errc::over_quota,
    // Errc::sha1_collision, proto::Errc::wrong_hash for what is another file. One that fails is no
    // trouble to the others.
    struct Loaded {
        Sha1 sha1;
        ByteView bytes;
    };
    Result<void> put_loaded(const Loaded& file) const;
    // What several such calls that follow each other have in common: they go to one directory at
    // first, and know which others are there. To be let go of soon, and not on the loop.
    struct Burst;
    std::shared_ptr<Burst> begin_burst() const;
    std::vector<Result<void>> put_loaded(const std::vector<Loaded>& files, Burst& burst) const;
    std::vector<Result<void>> put_loaded(const std::vector<Loaded>& files) const {
        return put_loaded(files, *begin_burst());
    }
    // A file whose bytes come piece by piece (upload.hpp). Not to outlive the store.
    Result<std::unique_ptr<Upload>> begin_upload(PutOptions::Manifest manifest,
                                                 std::uint64_t expected_bytes) const;

    // A download that goes on from what an earlier run has kept, if there is something; nothing
    // else.
    Result<std::unique_ptr<Partial>> resume_partial(const Sha1& sha1) const;
    // Whether there may be one, without a look at the disk.
    bool may_resume(const Sha1& sha1) const { return partial_names_->may_have(sha1); }
    // The same, or a new one. `size_bytes` must be proven, or what a manifest says if ranges are
    // wanted. Both are Errc::limit_reached when many processes download this file into this storage
    // at once; Errc::over_quota.
    Result<std::unique_ptr<Partial>> open_partial(const Sha1& sha1, std::uint64_t size_bytes,
                                                  Partial::Wanted wanted) const;
    Result<std::unique_ptr<Partial>> open_partial(const Sha1& sha1,
                                                  std::uint64_t size_bytes) const {
        return open_partial(sha1, size_bytes, Partial::Wanted::whole);
    }

    Catalog catalog() const { return Catalog(layout_); }
    // What was asked for by this name is there now.
    void note_arrival(const proto::Uri& uri, Record::Kind kind) const {
        kp2p::note_arrival(layout_, uri, kind);
    }
    // A content under the URI's own name; if that cannot be had, or `path` is no content, `path`
    // alone.
    struct Named {
        std::filesystem::path path;
        std::optional<FileStamp> stamp;  // of the content
    };
    Named named(const std::filesystem::path& path, const proto::Uri& uri) const;
    // What is done with a file that was loaded and is asked for again.
    void note_use(const Sha1& sha1) const;
    void limit(std::optional<std::uint64_t> most_bytes) const { quota_->limit(most_bytes); }
    bool is_limited() const { return quota_->is_limited(); }
    // Once something was stored, or the limit changed: the cache gives way at once.
    void keep_limit(std::uint64_t added_bytes) const { quota_->keep(layout_, added_bytes); }

    // Removes what nobody can use any more, which open() does too (sweep.hpp). What is left.
    PartialUsage sweep() const;
    PartialUsage partial_usage() const;
    // All contents, and what they and the rest take on the disk; as long as a walk through it
    // takes.
    struct Usage {
        std::uint64_t files = 0, bytes = 0;
    };
    Usage usage() const;

  private:
    Result<void> put_loaded(Intake& intake, const Loaded& file) const;
    explicit Store(Layout layout) : layout_(std::move(layout)) {}
    Result<StoredFile> find_stored(const Sha1& sha1) const;
    Result<StoredFile> find_linked(const Sha1& sha1, const LinkFile& link, std::string& why) const;
    bool is_usable(const Sha1& sha1, const FileStamp& stamp) const;

    Layout layout_;
    std::shared_ptr<Verdicts> verdicts_ = std::make_shared<Verdicts>();
    std::shared_ptr<Quota> quota_ = std::make_shared<Quota>();
    std::shared_ptr<PartialNames> partial_names_ = std::make_shared<PartialNames>();
};

}  // namespace kp2p
