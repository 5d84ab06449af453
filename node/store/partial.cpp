#include "node/store/partial.hpp"

#include <algorithm>
#include <cerrno>

#include "node/store/catalog/marks.hpp"
#include "node/store/directories.hpp"
#include "node/store/links_cache.hpp"
#include "node/store/put/place_content.hpp"
#include "node/store/sweep.hpp"
#include "node/store/temp_file.hpp"

namespace kp2p {
namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t flush_ahead_bytes = std::uint64_t{16} << 20;  // at a time

// What another user has there, or has planted.
bool is_not_ours(std::error_code error) {
    return error == std::errc::permission_denied ||
           error == std::errc::too_many_symbolic_link_levels ||
           error == std::errc::operation_not_permitted || error == std::errc::is_a_directory;
}

// The data of one that was ended while it became a content is read-only already.
Result<File> open_data(const fs::path& path) {
    auto data = File::open(path, File::Mode::change);
    if (data || data.error() != std::errc::permission_denied) return data;
    const auto closed = File::open(path, File::Mode::read);
    if (!closed || !closed->stamp() || !closed->is_at(path)) return data;
    closed->set_rights(rights_in(directory_of(path)));
    return File::open(path, File::Mode::change);
}

}  // namespace

Result<std::optional<Partial::Place>> Partial::take(const Layout& layout, const Sha1& file,
                                                    int number, File::Mode mode) {
    const fs::path base = layout.partials() / (file.hex() + "." + std::to_string(number));
    fs::path journal_path = fs::path(base) += ".journal";
    auto journal = open_shared(journal_path, mode);
    if (!journal && mode == File::Mode::change) return std::optional<Place>();
    if (!journal && is_not_ours(journal.error())) return std::optional<Place>();
    if (!journal) return storage_error(journal.error(), layout.partials());
    if (journal->try_lock() == File::Lock::busy) return std::optional<Place>();
    // Its owner may have finished and removed it before we had the lock.
    if (!journal->is_at(journal_path)) return std::optional<Place>();
    Place place{fs::path(base) += ".data", std::move(journal_path), Journal(std::move(*journal))};
    return std::optional(std::move(place));
}

Result<std::unique_ptr<Partial>> Partial::resume(const Layout& layout, const Sha1& file) {
    for (int number = 0; number < max_at_once; ++number) {
        auto taken = take(layout, file, number, File::Mode::change);
        if (!taken) return taken.error();
        if (!*taken) continue;
        Place& place = **taken;
        auto replayed = place.journal.replay(file);
        if (!replayed) continue;
        auto data = open_data(place.data_path);
        const bool gone = !data && data.error() == std::errc::no_such_file_or_directory;
        if (gone || (!data && is_not_ours(data.error()))) continue;
        if (!data) return storage_error(data.error(), place.data_path);
        std::unique_ptr<Partial> partial(
            new Partial(layout, file, replayed->size_bytes, std::move(place), std::move(*data)));
        partial->unchecked_ = std::move(replayed->records);
        for (const RangeRecord& range : replayed->ranges)
            partial->ranges_.insert_or_assign(range.start, range);
        partial->data_is_ = replayed->data;
        return partial;
    }
    return std::unique_ptr<Partial>();
}

Result<std::unique_ptr<Partial>> Partial::open(const Layout& layout, const Sha1& file,
                                               std::uint64_t size_bytes, Wanted wanted) {
    {
        auto resumed = resume(layout, file);
        if (!resumed) return resumed.error();
        if (*resumed && (*resumed)->size_bytes() == size_bytes) return resumed;
        const bool keeps_chunks = *resumed && !(*resumed)->unchecked_.empty();
        if (wanted == Wanted::ranges && keeps_chunks) return proto::Errc::bad_state;
        if (*resumed) (*resumed)->discard();
    }
    if (auto made = make_directories(layout, layout.partials()); !made)
        return storage_error(made.error(), layout.partials());
    for (int number = 0; number < max_at_once; ++number) {
        auto place =
            with_room(layout, [&] { return take(layout, file, number, File::Mode::update); });
        if (!place) return place.error();
        if (*place) return start(layout, file, size_bytes, *std::move(*place), wanted);
    }
    // Either all are taken, or none can be made.
    if (disk().check_writable(layout.partials()) != 0)
        return storage_error(system_error(errno), layout.partials());
    return Errc::limit_reached;
}

Result<std::unique_ptr<Partial>> Partial::start(const Layout& layout, const Sha1& file,
                                                std::uint64_t size_bytes, Place place,
                                                Wanted wanted) {
    disk().unlink(place.data_path);  // what is written to it must come to nobody else's file
    auto data = with_room(layout, [&] { return open_shared(place.data_path, File::Mode::create); });
    if (!data) {
        disk().unlink(place.journal_path);
        return storage_error(data.error(), place.data_path);
    }
    std::unique_ptr<Partial> partial(
        new Partial(layout, file, size_bytes, std::move(place), std::move(*data)));
    auto started = partial->take_room(wanted);
    if (started) started = partial->data_.resize(size_bytes);
    if (started) started = partial->place_.journal.start(file, size_bytes);
    if (started) return partial;
    partial->discard();
    return storage_error(started.error(), layout.partials());
}

Result<void> Partial::take_room(Wanted wanted) const {
    if (wanted == Wanted::ranges) return ok;
    // Not what could never be enough.
    const std::uint64_t others_bytes = std::min(size_bytes_, partial_usage(layout_).bytes);
    if (auto room = data_.check_room(size_bytes_ - others_bytes); !room) return room;
    return with_room(layout_, [&] { return data_.check_room(size_bytes_); });
}

Result<void> Partial::prepare() {
    constexpr int chunks_at_once = 64;
    for (int i = 0; i < chunks_at_once && !unchecked_.empty(); ++i) {
        const JournalRecord record = unchecked_.back();
        unchecked_.pop_back();
        const std::uint64_t index = record.chunk.index;
        // The records come newest first, so that the newest good one of a chunk counts.
        if (index >= proto::chunk_count(size_bytes_) || kept_.contains(index)) continue;
        if (read_checked(record)) kept_.emplace(index, record);
    }
    return ok;
}

std::vector<proto::StoredChunk> Partial::stored() const {
    const std::lock_guard lock(mutex_);
    std::vector<proto::StoredChunk> chunks;
    chunks.reserve(kept_.size());
    for (const auto& [index, record] : kept_) chunks.push_back(record.chunk);
    return chunks;
}

std::uint64_t Partial::stored_bytes() const {
    const std::lock_guard lock(mutex_);
    std::uint64_t bytes = 0;
    for (const auto& [index, record] : kept_) bytes += proto::chunk_size_bytes(size_bytes_, index);
    return bytes;
}

Result<void> Partial::write(const proto::StoredChunk& chunk, ByteViews bytes) {
    std::uint64_t size = 0;
    for (const ByteView part : bytes) size += part.size();
    if (chunk.index >= proto::chunk_count(size_bytes_) ||
        size != proto::chunk_size_bytes(size_bytes_, chunk.index))
        return proto::Errc::bad_value;
    if (has(chunk.index)) return ok;
    const JournalRecord record{chunk, proto::content_sum(bytes)};
    const std::shared_lock placing(placing_);
    auto written = with_room(
        layout_, [&] { return data_.write_sparse_at(chunk.index * proto::chunk_bytes, bytes); });
    if (!written) return storage_error(written.error(), place_.data_path);
    std::unique_lock lock(mutex_);
    if (auto done = with_room(layout_, [&] { return place_.journal.append(record); }); !done)
        return storage_error(done.error(), place_.journal_path);
    kept_.emplace(chunk.index, record);
    lock.unlock();
    // Else all that the system has kept back would be written while the download waits for that.
    const std::uint64_t before = written_bytes_.fetch_add(size);
    if (before / flush_ahead_bytes != (before + size) / flush_ahead_bytes) data_.flush_ahead();
    return ok;
}

bool Partial::proven() const {
    const std::lock_guard lock(mutex_);
    return !kept_.empty() || !unchecked_.empty();
}

bool Partial::complete() const {
    const std::lock_guard lock(mutex_);
    return kept_.size() == proto::chunk_count(size_bytes_);
}

bool Partial::has(std::uint64_t index) const { return record(index).has_value(); }

Result<Chunk> Partial::read(std::uint64_t index) const {
    const auto found = record(index);
    if (!found) return Errc::not_found;
    auto bytes = read_checked(*found);
    if (!bytes) return bytes.error();
    return Chunk{found->chunk.link, std::move(*bytes)};
}

std::optional<JournalRecord> Partial::record(std::uint64_t index) const {
    const std::lock_guard lock(mutex_);
    const auto found = kept_.find(index);
    if (found == kept_.end()) return std::nullopt;
    return found->second;
}

Result<BulkBytes> Partial::read_checked(const JournalRecord& record) const {
    const std::uint64_t index = record.chunk.index;
    BulkBytes bytes(static_cast<std::size_t>(proto::chunk_size_bytes(size_bytes_, index)));
    auto size = data_.read_at(index * proto::chunk_bytes, bytes);
    if (!size) return storage_error(size.error(), place_.data_path);
    if (*size != bytes.size()) return Errc::not_found;
    if (proto::content_sum(bytes) != record.content_hash) return Errc::not_found;
    return bytes;
}

Result<void> Partial::check_chain() const {
    Sha1Link expected = proto::first_link();
    for (const auto& [index, record] : kept_) {
        if (record.chunk.link != expected) return proto::Errc::wrong_hash;
        expected = record.chunk.next;
    }
    const JournalRecord& last = kept_.rbegin()->second;
    auto bytes = read_checked(last);
    if (!bytes) return bytes.error();
    auto whole = proto::finish_chunk(last.chunk.link, *bytes, size_bytes_);
    if (!whole || *whole != file_) return proto::Errc::wrong_hash;
    return ok;
}

// As they are read back, which the record's hash proves. One that is lost is asked for again.
Result<void> Partial::write_again() {
    for (auto each = kept_.begin(); each != kept_.end();) {
        const auto& [index, record] = *each;
        auto bytes = read_checked(record);
        if (!bytes && bytes.error() != Errc::not_found) return bytes.error();
        if (bytes) {
            if (auto done = data_.write_at(index * proto::chunk_bytes, *bytes); !done)
                return storage_error(done.error(), place_.data_path);
            ++each;
        } else {
            each = kept_.erase(each);
        }
    }
    if (kept_.size() == proto::chunk_count(size_bytes_)) return ok;
    return storage_error(make_error_code(std::errc::io_error), place_.data_path);
}

Result<void> Partial::flush() {
    if (data_is_ == Journal::Data::unflushable)
        if (auto done = write_again(); !done) return done.error();
    auto flushed = data_.flush();
    if (flushed) return ok;
    data_is_ = Journal::Data::unflushable;
    if (!place_.journal.mark(file_, size_bytes_, data_is_)) discard();
    return storage_error(flushed.error(), place_.data_path);
}

// Also when somebody has taken or removed the name of the data, which a lock that works prevents.
Result<Partial::Name> Partial::give_name() {
    std::optional<TempFile> copy;
    if (!data_.is_at(place_.data_path)) {
        auto temp = TempFile::create_shared_in(layout_.contents());
        if (!temp) return temp.error();
        if (auto done = temp->file().copy_from(data_, {}); !done) return done.error();
        if (auto done = temp->file().flush(); !done) return done.error();
        copy.emplace(*std::move(temp));
    }
    DirectoryMaker maker(layout_);
    const Content content{copy ? copy->path() : place_.data_path, copy ? copy->file() : data_,
                          file_};
    auto placed = place_content(layout_, content, maker);
    if (!placed) return placed.error();
    const bool moved = placed->anew && !placed->elsewhere;
    if (copy && moved) copy->renamed();
    const fs::path path = layout_.content(file_);
    auto flushed = flush_directories(layout_, path.parent_path());
    if (flushed) return placed->anew ? Name::given : Name::was_there;
    if (moved && !copy) (void)disk().rename(path, place_.data_path);
    if (!moved || copy) displace_content(layout_, file_, *placed);
    return flushed.error();
}

Result<fs::path> Partial::commit() {
    if (!ready() || !complete()) return proto::Errc::bad_state;
    // From here on nothing but what is proven may come to the data.
    const std::unique_lock placing(placing_);
    committed_ = true;
    if (auto done = check_chain(); !done) return done.error();
    if (auto done = flush(); !done) return done.error();
    const fs::path path = layout_.content(file_);
    if (auto done = make_directories(layout_, layout_.contents()); !done)
        return storage_error(done.error(), layout_.contents());
    const bool marked = is_marked_loaded(layout_, file_);
    DirectoryMaker maker(layout_);
    mark_loaded(layout_, file_, maker);
    auto named = give_name();
    if (!named) return storage_error(named.error(), path);
    if (*named == Name::was_there && !marked) unmark_loaded(layout_, file_);
    KnownLinks known;
    for (const auto& [index, record] : kept_) {
        known.links.push_back(record.chunk.link);
        known.sums.push_back(record.content_hash);
    }
    if (auto file = File::open(path, File::Mode::read))
        if (auto stamp = file->stamp()) save_links(layout_.links_cache(file_), *stamp, known);
    discard();
    return path;
}

void Partial::discard() {
    // The data first: a journal without data is nothing, data without a journal would stay.
    if (data_.is_at(place_.data_path)) disk().unlink(place_.data_path);
    disk().unlink(place_.journal_path);
}

}  // namespace kp2p
