#include "node/store/journal.hpp"

#include <xxhash.h>

#include "proto/compact.hpp"

namespace kp2p {
namespace {

constexpr std::string_view journal_magic = "kp2pjnl1", unflushable_magic = "kp2pjnl!";
constexpr std::size_t check_bytes = 8;
constexpr std::size_t journal_head_bytes = 8 + Sha1::size_bytes + 8 + check_bytes;
constexpr std::size_t record_bytes = 8 + 2 * Sha1Link::size_bytes + 8 + check_bytes;

ByteVector seal(proto::Writer writer) {
    writer.u64(XXH3_64bits(writer.bytes().data(), writer.bytes().size()));
    return writer.take();
}

bool is_sealed(ByteView bytes) {
    const ByteView body = bytes.first(bytes.size() - check_bytes);
    return proto::Reader(bytes.last(check_bytes)).u64() == XXH3_64bits(body.data(), body.size());
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
    Replayed replayed{head_reader.u64(), {}};
    if (begin == unflushable_magic) replayed.data = Data::unflushable;
    rest = rest.subspan(journal_head_bytes);
    while (rest.size() >= record_bytes && is_sealed(rest.first(record_bytes))) {
        proto::Reader reader(rest.first(record_bytes));
        JournalRecord record;
        record.chunk.index = reader.u64();
        record.chunk.link = reader.fixed<Sha1Link>();
        record.chunk.next = reader.fixed<Sha1Link>();
        record.content_hash = reader.u64();
        replayed.records.push_back(record);
        rest = rest.subspan(record_bytes);
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
    const ByteVector bytes = seal(writer.u64(record.content_hash));
    // Half a record is written over by the next one.
    if (auto done = file_.write_at(end_bytes_, bytes); !done) return done.error();
    end_bytes_ += bytes.size();
    return ok;
}

}  // namespace kp2p
