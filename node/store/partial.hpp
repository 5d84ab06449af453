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
// was written can be read by others at once. Beside them it keeps what readers of ranges have
// verified by a manifest, keep() and kept(), which counts for those alone who name that manifest;
// it never takes the place of a proven chunk. Blocking. Errors: Errc::out_of_space (when older
// downloads that nobody is at have made room and it is still not enough),
// Errc::storage_unavailable; after one, what was kept before is still kept.
#pragma once

#include <atomic>
#include <map>
#include <mutex>
#include <shared_mutex>

#include "node/store/chunks.hpp"
#include "node/store/journal.hpp"
#include "node/store/layout.hpp"

namespace kp2p {

class Partial final : public Chunks {
  public:
    static constexpr int max_at_once = 8;
    // What an earlier run has left of the file; null if nothing.
    static Result<std::unique_ptr<Partial>> resume(const Layout& layout, const Sha1& file);
    // The same if it is of this size; else a new one, or Errc::bad_state where that would cost a
    // ranges' reader what is proven.
    enum class Wanted { whole, ranges };  // ranges: there need be no room for all of it
    static Result<std::unique_ptr<Partial>> open(const Layout& layout, const Sha1& file,
                                                 std::uint64_t size_bytes, Wanted wanted);

    // After a resume every chunk is read back, some tens of milliseconds at a call. One thread's.
    bool ready() const { return unchecked_.empty(); }
    Result<void> prepare();
    std::vector<proto::StoredChunk> stored() const;  // by index
    std::uint64_t stored_bytes() const;

    // Of what a manifest, which must be of a file of this size, has proven: 1 byte to
    // RangeRecord::max_bytes from `start` on. Durable enough to outlive the process.
    Result<void> keep(const Sha1& manifest, std::uint64_t start, ByteView bytes);
    struct Range {
        std::uint64_t start, end;
    };
    bool holds(const Sha1& manifest, Range range) const;
    // Errc::not_found if they are not all there, or not any more.
    Result<ByteVector> kept(const Sha1& manifest, Range range) const;
    bool proven() const;  // something is, and with it the size
    // What ranges have brought of a chunk, whatever manifest proved it: to be proven by the file's
    // own SHA-1.
    struct Pieces {
        BulkBytes bytes;             // of the whole chunk
        std::vector<Range> missing;  // in the file; what lies there in `bytes` is nothing
    };
    Pieces pieces_of(std::uint64_t index) const;
    bool has_pieces_of(std::uint64_t index) const;

    // `bytes` must be the whole chunk.
    Result<void> write(const proto::StoredChunk& chunk, ByteViews bytes);
    Result<void> write(const proto::StoredChunk& chunk, ByteView bytes) {
        return write(chunk, ByteViews(&bytes, 1));
    }
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
                                                  std::uint64_t size_bytes, Place place,
                                                  Wanted wanted);
    Result<void> take_room(Wanted wanted) const;
    // What covers the byte `at`, if something does.
    struct Cover {
        std::optional<JournalRecord> chunk;
        RangeRecord range;
        std::uint64_t end = 0;
    };
    std::optional<Cover> cover(const Sha1& manifest, std::uint64_t at) const;
    Result<BulkBytes> read_checked(const RangeRecord& range) const;
    void forget(const RangeRecord& range) const;
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
    std::atomic<std::uint64_t> written_bytes_ = 0;  // by this object
    std::vector<JournalRecord> unchecked_;
    Journal::Data data_is_ = Journal::Data::as_written;
    // Chunks may be written side by side, and nothing is kept where one is being written.
    std::shared_mutex placing_;
    mutable std::mutex mutex_;  // of what follows, and of the journal
    std::map<std::uint64_t, JournalRecord> kept_;
    mutable std::map<std::uint64_t, RangeRecord> ranges_;  // by start
    bool committed_ = false;                               // the data is the file's by now
};

}  // namespace kp2p
