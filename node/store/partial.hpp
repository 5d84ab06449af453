// Partial: a download under way, in kp2p/partial/: HASH.N.data, of full size from the start but
// with holes where nothing was written or zeros were, and HASH.N.journal. N tells apart the
// processes that download one file into one storage at once; each holds a lock on its journal, and
// where locks do not work none of them loses what it has, whatever becomes of the names.
//
// A file that is larger than the room on the disk is refused at the start, so that a full disk
// shows early; what several downloads need together may still be too much, which shows as they
// write. The room is not taken ahead: a download that is called off would keep it, and holes need
// none.
//
// Shape: while (!ready()) prepare(); then write() and read() in any order and from several threads
// at once; when complete(), commit(), which makes the file appear under its hash; or discard().
// A partial that is just destroyed stays, to be resumed. Only proven chunks may be written: what
// was written can be read by others at once. Blocking. Errors: Errc::out_of_space (when older
// downloads that nobody is at have made room and it is still not enough),
// Errc::storage_unavailable; after one, what was kept before is still kept.
#pragma once

#include <map>
#include <mutex>

#include "node/store/chunks.hpp"
#include "node/store/journal.hpp"
#include "node/store/layout.hpp"

namespace kp2p {

class Partial final : public Chunks {
  public:
    static constexpr int max_at_once = 8;
    // What an earlier run has left of the file; null if nothing.
    static Result<std::unique_ptr<Partial>> resume(const Layout& layout, const Sha1& file);
    // The same if it is of this size; else a new one.
    static Result<std::unique_ptr<Partial>> open(const Layout& layout, const Sha1& file,
                                                 std::uint64_t size_bytes);

    // After a resume every chunk is read back, some tens of milliseconds at a call. One thread's.
    bool ready() const { return unchecked_.empty(); }
    Result<void> prepare();
    std::vector<proto::StoredChunk> stored() const;  // by index

    // `bytes` must be the whole chunk.
    Result<void> write(const proto::StoredChunk& chunk, ByteView bytes);
    bool complete() const;
    // Durably; gives the path of the file. proto::Errc::wrong_hash if the links of the chunks do
    // not chain to the file's SHA-1, proto::Errc::bad_state unless complete(). The last thing to
    // call.
    Result<std::filesystem::path> commit();
    void discard();  // the last thing to call

    std::uint64_t size_bytes() const override { return size_bytes_; }
    bool has(std::uint64_t index) const override;
    Result<Chunk> read(std::uint64_t index) const override;

  private:
    struct Place {  // one N, with its lock
        std::filesystem::path data_path, journal_path;
        Journal journal;
    };
    Partial(const Layout& layout, const Sha1& file, std::uint64_t size_bytes, Place place,
            File data)
        : layout_(layout),
          file_(file),
          size_bytes_(size_bytes),
          place_(std::move(place)),
          data_(std::move(data)) {}
    static Result<std::optional<Place>> take(const Layout& layout, const Sha1& file, int number,
                                             File::Mode mode);
    static Result<std::unique_ptr<Partial>> start(const Layout& layout, const Sha1& file,
                                                  std::uint64_t size_bytes, Place place);
    std::optional<JournalRecord> record(std::uint64_t index) const;
    Result<BulkBytes> read_checked(const JournalRecord& record) const;
    Result<void> check_chain() const;
    Result<void> write_again();
    Result<void> flush();
    enum class Name { given, was_there };
    Result<Name> give_name();

    Layout layout_;
    Sha1 file_;
    std::uint64_t size_bytes_;
    Place place_;
    File data_;
    std::vector<JournalRecord> unchecked_;
    Journal::Data data_is_ = Journal::Data::as_written;
    mutable std::mutex mutex_;  // of what follows, and of the journal
    std::map<std::uint64_t, JournalRecord> kept_;
};

}  // namespace kp2p
