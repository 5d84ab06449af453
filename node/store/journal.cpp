#include "node/store/journal.hpp"

#include "proto/compact.hpp"

namespace kp2p {
namespace {

constexpr std::string_view journal_magic = "kp2pjnl1", unflushable_magic = "kp2pjnl!";
constexpr std::size_t check_bytes = 8;
constexpr std::size_t journal_head_bytes = 8 + Sha1::size_bytes + 8 + check_bytes;
constexpr std::size_t record_bytes = 8 + 2 * Sha1Link::size_bytes + 8 + check_bytes;

constexpr std::uint64_t range_mark = std::uint64_t{1} << 63;
constexpr std::size_t range_padding = 12;

bool is_plausible(const RangeRecord& range, std::uint64_t size_bytes) {
    return range.length > 0 && range.length <= RangeRecord::max_bytes && range.start < size_bytes &&
           range.length <= size_bytes - range.start;
}

ByteVector seal(proto::Writer writer) {
    writer.u64(proto::content_sum(writer.bytes()));
    return writer.take();
}

bool is_sealed(ByteView bytes) {
    const ByteView body = bytes.first(bytes.size() - check_bytes);
    return proto::Reader(bytes.last(check_bytes)).u64() == proto::content_sum(body);
}

}  // namespace

std::optional<Journal::Replayed> Journal::replay(const Sha1& file) {
    auto stamp = file_.stamp();
    if (!stamp || stamp->size_bytes < journal_head_bytes) return std::nullopt;
    ByteVector bytes(static_cast<std::size_t>(stamp->size_bytes));
    auto size = file_.read_at(0, bytes);
    if (!size || *size != bytes.size()) return std::nullopt;

    ByteView rest(bytes);
    const ByteView head = rest.first(journal_head_bytes);
    proto::Reader head_reader(head);
    const std::string_view begin = as_text(head_reader.raw(journal_magic.size()));
    if ((begin != journal_magic && begin != unflushable_magic) || !is_sealed(head))
        return std::nullopt;
    if (head_reader.fixed<Sha1>() != file) return std::nullopt;
    Replayed replayed{head_reader.u64(), {}, {}};
    if (begin == unflushable_magic) replayed.data = Data::unflushable;
    rest = rest.subspan(journal_head_bytes);
    while (rest.size() >= record_bytes && is_sealed(rest.first(record_bytes))) {
        proto::Reader reader(rest.first(record_bytes));
        rest = rest.subspan(record_bytes);
        const std::uint64_t first = reader.u64();
        if (first & range_mark) {
            RangeRecord range;
            range.length = first & ~range_mark;
            range.manifest = reader.fixed<Sha1>();
            range.start = reader.u64();
            (void)reader.raw(range_padding);
            range.content_hash = reader.u64();
            if (is_plausible(range, replayed.size_bytes)) replayed.ranges.push_back(range);
            continue;
        }
        JournalRecord record;
        record.chunk.index = first;
        record.chunk.link = reader.fixed<Sha1Link>();
        record.chunk.next = reader.fixed<Sha1Link>();
        record.content_hash = reader.u64();
        replayed.records.push_back(record);
    }
    end_bytes_ = bytes.size() - rest.size();
    return replayed;
}

Result<void> Journal::start(const Sha1& file, std::uint64_t size_bytes) {
    if (auto done = file_.resize(0); !done) return done.error();
    end_bytes_ = journal_head_bytes;
    return mark(file, size_bytes, Data::as_written);
}

Result<void> Journal::mark(const Sha1& file, std::uint64_t size_bytes, Data data) const {
    proto::Writer writer;
    writer.raw(as_bytes(data == Data::as_written ? journal_magic : unflushable_magic));
    return file_.write_at(0, seal(writer.fixed(file).u64(size_bytes)));
}

Result<void> Journal::append(const JournalRecord& record) {
    proto::Writer writer;
    writer.u64(record.chunk.index).fixed(record.chunk.link).fixed(record.chunk.next);
    return append(seal(writer.u64(record.content_hash)));
}

Result<void> Journal::append(const RangeRecord& range) {
    proto::Writer writer;
    writer.u64(range.length | range_mark).fixed(range.manifest).u64(range.start);
    writer.raw(ByteVector(range_padding));
    return append(seal(writer.u64(range.content_hash)));
}

Result<void> Journal::append(ByteView record) {
    // Half a record is written over by the next one.
    if (auto done = file_.write_at(end_bytes_, record); !done) return done.error();
    end_bytes_ += record.size();
    return ok;
}

}  // namespace kp2p
