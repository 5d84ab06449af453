#include "node/store/partial.hpp"

#include <unistd.h>
#include <xxhash.h>

#include <cerrno>

#include "node/store/links_cache.hpp"

namespace kp2p {
namespace fs = std::filesystem;

std::optional<Partial::Place> Partial::take(const Layout& layout, const Sha1& file, int number,
                                            File::Mode mode) {
    const fs::path base = layout.partials() / (file.hex() + "." + std::to_string(number));
    fs::path journal_path = fs::path(base) += ".journal";
    std::error_code ignored;
    if (mode == File::Mode::read && !fs::exists(journal_path, ignored)) return std::nullopt;
    auto journal = File::open(journal_path, File::Mode::update);
    if (!journal || journal->try_lock() == File::Lock::busy) return std::nullopt;
    // Its owner may have finished and removed it before we had the lock.
    if (!journal->is_at(journal_path)) return std::nullopt;
    return Place{fs::path(base) += ".data", std::move(journal_path), Journal(std::move(*journal))};
}

Result<std::unique_ptr<Partial>> Partial::resume(const Layout& layout, const Sha1& file) {
    for (int number = 0; number < max_at_once; ++number) {
        auto place = take(layout, file, number, File::Mode::read);
        if (!place) continue;
        auto replayed = place->journal.replay(file);
        std::error_code ignored;
        if (!replayed || !fs::exists(place->data_path, ignored)) continue;
        auto data = File::open(place->data_path, File::Mode::update);
        if (!data) return storage_error(data.error(), place->data_path);
        std::unique_ptr<Partial> partial(
            new Partial(layout, file, replayed->size_bytes, std::move(*place), std::move(*data)));
        partial->unchecked_ = std::move(replayed->records);
        return partial;
    }
    return std::unique_ptr<Partial>();
}

Result<std::unique_ptr<Partial>> Partial::open(const Layout& layout, const Sha1& file,
                                               std::uint64_t size_bytes) {
    {
        auto resumed = resume(layout, file);
        if (!resumed) return resumed.error();
        if (*resumed && (*resumed)->size_bytes() == size_bytes) return resumed;
        if (*resumed) (*resumed)->discard();
    }
    if (auto made = make_directories(layout.partials()); !made)
        return storage_error(made.error(), layout.partials());
    for (int number = 0; number < max_at_once; ++number)
        if (auto place = take(layout, file, number, File::Mode::update))
            return start(layout, file, size_bytes, std::move(*place));
    // Either all are taken, or none can be made.
    if (::access(layout.partials().c_str(), W_OK) != 0)
        return storage_error(system_error(errno), layout.partials());
    return Errc::limit_reached;
}

Result<std::unique_ptr<Partial>> Partial::start(const Layout& layout, const Sha1& file,
                                                std::uint64_t size_bytes, Place place) {
    auto data = File::open(place.data_path, File::Mode::update);
    if (!data) return storage_error(data.error(), place.data_path);
    std::unique_ptr<Partial> partial(
        new Partial(layout, file, size_bytes, std::move(place), std::move(*data)));
    auto started = partial->data_.reserve(size_bytes);
    if (started) started = partial->place_.journal.start(file, size_bytes);
    if (started) return partial;
    partial->discard();
    return storage_error(started.error(), partial->place_.data_path);
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

std::vector<KeptChunk> Partial::kept() const {
    const std::lock_guard lock(mutex_);
    std::vector<KeptChunk> chunks;
    chunks.reserve(kept_.size());
    for (const auto& [index, record] : kept_) chunks.push_back(record.chunk);
    return chunks;
}

Result<void> Partial::write(const KeptChunk& chunk, ByteView bytes) {
    if (chunk.index >= proto::chunk_count(size_bytes_) ||
        bytes.size() != proto::chunk_size_bytes(size_bytes_, chunk.index))
        return proto::Errc::bad_value;
    if (has(chunk.index)) return ok;
    const JournalRecord record{chunk, XXH3_64bits(bytes.data(), bytes.size())};
    if (auto done = data_.write_at(chunk.index * proto::chunk_bytes, bytes); !done)
        return storage_error(done.error(), place_.data_path);
    const std::lock_guard lock(mutex_);
    if (auto done = place_.journal.append(record); !done)
        return storage_error(done.error(), place_.journal_path);
    kept_.emplace(chunk.index, record);
    return ok;
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
    if (XXH3_64bits(bytes.data(), bytes.size()) != record.content_hash) return Errc::not_found;
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

Result<fs::path> Partial::commit() {
    if (!ready() || !complete()) return proto::Errc::bad_state;
    if (auto done = check_chain(); !done) return done.error();
    const fs::path path = layout_.content(file_);
    auto done = data_.flush();
    if (!done) return storage_error(done.error(), place_.data_path);
    if (auto renamed = rename_durably({.from = place_.data_path, .to = path}); !renamed) {
        if (renamed.error() != std::errc::cross_device_link)
            return storage_error(renamed.error(), path);
        auto temp = TempFile::create_in(layout_.contents());
        if (!temp) return storage_error(temp.error(), layout_.contents());
        done = temp->file().copy_from(data_, std::stop_token());
        if (done) done = temp->publish(path, TempFile::Durability::flush);
        if (!done) return storage_error(done.error(), path);
    }
    std::vector<Sha1Link> links;
    for (const auto& [index, record] : kept_) links.push_back(record.chunk.link);
    if (auto file = File::open(path, File::Mode::read))
        if (auto stamp = file->stamp()) save_links(layout_.links_cache(file_), *stamp, links);
    discard();
    return path;
}

void Partial::discard() {
    // The data first: a journal without data is nothing, data without a journal would stay.
    unlink(place_.data_path.c_str());
    unlink(place_.journal_path.c_str());
}

}  // namespace kp2p
