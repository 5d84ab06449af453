#include "proto/transfer/transfer.hpp"

#include "proto/compact.hpp"

namespace kp2p::proto {
namespace {

constexpr std::uint8_t opened_complete_flag = 0x01, opened_slices_flag = 0x02,
                       opened_last_follows_flag = 0x04, opened_files_flag = 0x08;

void write_field(Writer& out, std::uint64_t value) { out.uint(value); }
void write_field(Writer& out, const Sha1& hash) { out.fixed(hash); }
void write_field(Writer& out, RefusalCode code) { out.uint(static_cast<std::uint64_t>(code)); }

template <class Message>
void write(Writer& out, const Message& m) {
    std::apply([&](const auto&... field) { (write_field(out, field), ...); }, Message::fields(m));
}
void write(Writer& out, const Opened& m) {
    int flags = m.have ? 0 : opened_complete_flag;
    if (m.slices) flags |= opened_slices_flag;
    if (m.last_follows) flags |= opened_last_follows_flag;
    if (m.files) flags |= opened_files_flag;
    out.uint(m.id).uint(m.size_bytes).u8(static_cast<std::uint8_t>(flags));
    if (m.have) out.buffer(*m.have);
}
void write(Writer& out, const Data& m) { out.raw(encode_head(m)).raw(m.bytes); }
void write(Writer& out, const Slice& m) { out.raw(encode_head(m)).raw(m.bytes); }
void write(Writer& out, const WholeFile& m) { out.raw(encode_head(m)).raw(m.bytes); }
void write(Writer& out, const GetFiles& m) {
    out.uint(m.id).uint(m.files.size());
    for (const Sha1& file : m.files) out.fixed(file);
}

void read_field(Reader& in, std::uint64_t& value) { value = in.uint(); }
void read_field(Reader& in, Sha1& hash) { hash = in.fixed<Sha1>(); }
void read_field(Reader& in, RefusalCode& code) { code = static_cast<RefusalCode>(in.uint()); }

template <class Message>
void read(Reader& in, Message& m) {
    std::apply([&](auto&... field) { (read_field(in, field), ...); }, Message::fields(m));
}
void read(Reader& in, Opened& m) {
    m.id = in.uint();
    m.size_bytes = in.uint();
    const std::uint8_t flags = in.u8();
    m.slices = (flags & opened_slices_flag) != 0;
    m.last_follows = (flags & opened_last_follows_flag) != 0;
    m.files = (flags & opened_files_flag) != 0;
    if ((flags & opened_complete_flag) == 0) {
        const ByteView have = in.buffer();
        if (have.size() > max_have_bytes) {
            in.fail(Errc::too_long);
            return;
        }
        m.have.emplace(have.begin(), have.end());
    }
}

BlockEncoding read_encoding(Reader& in) {
    const std::uint8_t encoding = in.u8();
    if (encoding > static_cast<std::uint8_t>(BlockEncoding::zstd)) in.fail(Errc::bad_value);
    return static_cast<BlockEncoding>(encoding);
}

ByteView read_block(Reader& in) {
    const ByteView bytes = in.rest();
    if (bytes.empty()) in.fail(Errc::truncated);
    if (bytes.size() > block_bytes) in.fail(Errc::too_long);
    return bytes;
}

void read(Reader& in, Data& m) {
    m.id = in.uint();
    m.index = in.uint();
    m.offset = in.uint();
    m.encoding = read_encoding(in);
    if (m.offset == 0) m.link = in.fixed<Sha1Link>();
    m.bytes = read_block(in);
}

void read(Reader& in, Slice& m) {
    m.id = in.uint();
    m.offset = in.uint();
    m.encoding = read_encoding(in);
    m.link = in.fixed<Sha1Link>();
    m.bytes = read_block(in);
}

void read(Reader& in, GetFiles& m) {
    m.id = in.uint();
    const std::size_t count = in.count(Sha1::size_bytes);
    if (count == 0) in.fail(Errc::bad_value);
    if (count > max_files_at_once) in.fail(Errc::too_long);
    while (!in.failed() && m.files.size() < count) m.files.push_back(in.fixed<Sha1>());
}

void read(Reader& in, WholeFile& m) {
    m.id = in.uint();
    m.number = in.uint();
    m.size_bytes = in.uint();
    if (m.size_bytes > block_bytes) in.fail(Errc::too_long);
    if (m.size_bytes == 0) return;
    m.encoding = read_encoding(in);
    m.bytes = read_block(in);
}

template <std::size_t... types>
TransferMessage read_any(Reader& in, std::uint64_t type, std::index_sequence<types...>) {
    TransferMessage message;
    const auto read_as = [&](auto& m) { return read(in, m), true; };
    const bool known = ((type == types && read_as(message.emplace<types>())) || ...);
    if (!known) in.fail(Errc::unknown_type);
    return message;
}

}  // namespace

Encoded encode(const TransferMessage& message) {
    Writer out;
    std::visit([&](const auto& m) { write(out, m); }, message);
    return {message.index(), out.take()};
}

ByteVector encode_head(const Data& m) {
    Writer out;
    out.uint(m.id).uint(m.index).uint(m.offset).u8(static_cast<std::uint8_t>(m.encoding));
    if (m.offset == 0) out.fixed(m.link);
    return out.take();
}

ByteVector encode_head(const Slice& m) {
    Writer out;
    out.uint(m.id).uint(m.offset).u8(static_cast<std::uint8_t>(m.encoding)).fixed(m.link);
    return out.take();
}

ByteVector encode_head(const WholeFile& m) {
    Writer out;
    out.uint(m.id).uint(m.number).uint(m.size_bytes);
    if (m.size_bytes > 0) out.u8(static_cast<std::uint8_t>(m.encoding));
    return out.take();
}

Result<TransferMessage> decode_transfer(std::uint64_t type, ByteView payload) {
    Reader in(payload);
    constexpr std::size_t types = std::variant_size_v<TransferMessage>;
    TransferMessage message = read_any(in, type, std::make_index_sequence<types>());
    if (auto finished = in.finish(); !finished) return finished.error();
    return message;
}

}  // namespace kp2p::proto
