#include "proto/transfer/transfer.hpp"

#include "proto/compact.hpp"

namespace kp2p::proto {
namespace {

constexpr std::uint8_t opened_complete_flag = 0x01;

void write(Writer& out, const Open& m) { out.uint(m.id).fixed(m.file); }
void write(Writer& out, const Opened& m) {
    out.uint(m.id).uint(m.size_bytes).u8(m.have ? 0 : opened_complete_flag);
    if (m.have) out.buffer(*m.have);
}
void write(Writer& out, const Data& m) { out.raw(encode_head(m)).raw(m.bytes); }
void write(Writer& out, const Refused& m) {
    out.uint(m.id).uint(static_cast<std::uint64_t>(m.code));
}
void write(Writer& out, const Close& m) { out.uint(m.id); }
void write(Writer& out, const Preparing& m) { out.uint(m.id); }
template <class ChunkMessage>  // Get, Have, Cancel, Canceled
void write(Writer& out, const ChunkMessage& m) {
    out.uint(m.id).uint(m.index);
}

Opened read_opened(Reader& in) {
    Opened m;
    m.id = in.uint();
    m.size_bytes = in.uint();
    if ((in.u8() & opened_complete_flag) == 0) {
        const ByteView have = in.buffer();
        if (have.size() > max_have_bytes) {
            in.fail(Errc::too_long);
            return m;
        }
        m.have.emplace(have.begin(), have.end());
    }
    return m;
}

Data read_data(Reader& in) {
    Data m;
    m.id = in.uint();
    m.index = in.uint();
    m.offset = in.uint();
    const std::uint8_t encoding = in.u8();
    if (encoding > static_cast<std::uint8_t>(PieceEncoding::zstd)) in.fail(Errc::bad_value);
    m.encoding = static_cast<PieceEncoding>(encoding);
    if (m.offset == 0) m.link = in.fixed<Sha1Link>();
    m.bytes = in.rest();
    if (m.bytes.empty()) in.fail(Errc::truncated);
    if (m.bytes.size() > piece_bytes) in.fail(Errc::too_long);
    return m;
}

template <class ChunkMessage>
ChunkMessage read_chunk_message(Reader& in) {
    ChunkMessage m;
    m.id = in.uint();
    m.index = in.uint();
    return m;
}

TransferMessage read(std::uint64_t type, Reader& in) {
    switch (type) {
        case 0: {
            const FileId id = in.uint();
            return Open{id, in.fixed<Sha1>()};
        }
        case 1:
            return read_opened(in);
        case 2:
            return read_chunk_message<Get>(in);
        case 3:
            return read_data(in);
        case 4:
            return read_chunk_message<Have>(in);
        case 5:
            return read_chunk_message<Cancel>(in);
        case 6:
            return read_chunk_message<Canceled>(in);
        case 7: {
            const FileId id = in.uint();
            return Refused{id, static_cast<RefusalCode>(in.uint())};
        }
        case 8:
            return Close{in.uint()};
        case 9:
            return Preparing{in.uint()};
        default:
            in.fail(Errc::unknown_type);
            return Close{};
    }
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

Result<TransferMessage> decode_transfer(std::uint64_t type, ByteView payload) {
    Reader in(payload);
    TransferMessage message = read(type, in);
    if (auto read = in.finish(); !read) return read.error();
    return message;
}

}  // namespace kp2p::proto
